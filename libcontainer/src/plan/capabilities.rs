//! The five capability sets, as bits.

use caps::Capability as Bit;
use oci_spec::runtime::{Capabilities, Capability, Process};

/// Every capability of Linux 5.9 and later, as bits.
pub(super) const ALL: u64 = (1 << 41) - 1;

/// The sets of a process, capabilities(7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sets {
    pub(super) bounding: u64,
    pub(super) effective: u64,
    pub(super) permitted: u64,
    pub(super) inheritable: u64,
    pub(super) ambient: u64,
}

impl Sets {
    /// What was asked for and can be given; a warning names what cannot.
    pub(super) fn of(process: &Process, available: u64, warnings: &mut Vec<String>) -> Self {
        let Some(asked) = process.capabilities() else { return Sets::default() };
        let mut missing = 0;
        let mut set = |names: &Option<Capabilities>| {
            let bits = names.as_ref().map_or(0, bits);
            missing |= bits & !available;
            bits & available
        };
        let sets = Sets {
            bounding: set(asked.bounding()),
            effective: set(asked.effective()),
            permitted: set(asked.permitted()),
            inheritable: set(asked.inheritable()),
            ambient: set(asked.ambient()),
        };
        if missing != 0 {
            warnings.push(format!(
                "process.capabilities: {} cannot be granted, since creel itself does not have them",
                names(missing).join(", ")
            ));
        }
        sets.as_the_kernel_takes_them(warnings)
    }

    /// The kernel takes an effective capability only when it is permitted, and an inheritable one only when it is in
    /// the bounding set; that others cannot be granted is a warning (config.md, "Linux Process"). Nobody hears of
    /// ambient ones that are not permitted and inheritable: runc's own default asks for such.
    fn as_the_kernel_takes_them(self, warnings: &mut Vec<String>) -> Self {
        let mut granted = |set: &str, asked: u64, limit: u64, other: &str| {
            let lost = asked & !limit;
            if lost != 0 {
                let names = names(lost).join(", ");
                warnings.push(format!(
                    "process.capabilities.{set}: {names} cannot be granted without being {other} too"
                ));
            }
            asked & limit
        };
        let inheritable = granted("inheritable", self.inheritable, self.bounding, "bounding");
        let effective = granted("effective", self.effective, self.permitted, "permitted");
        Sets {
            effective,
            inheritable,
            ambient: self.ambient & self.permitted & inheritable,
            ..self
        }
    }
}

fn bits(names: &Capabilities) -> u64 {
    names.iter().fold(0, |set, name| set | bit_of(*name).bitmask())
}

/// By hand, since by its name it takes a thousand instructions.
fn bit_of(name: Capability) -> Bit {
    match name {
        Capability::AuditControl => Bit::CAP_AUDIT_CONTROL,
        Capability::AuditRead => Bit::CAP_AUDIT_READ,
        Capability::AuditWrite => Bit::CAP_AUDIT_WRITE,
        Capability::BlockSuspend => Bit::CAP_BLOCK_SUSPEND,
        Capability::Bpf => Bit::CAP_BPF,
        Capability::CheckpointRestore => Bit::CAP_CHECKPOINT_RESTORE,
        Capability::Chown => Bit::CAP_CHOWN,
        Capability::DacOverride => Bit::CAP_DAC_OVERRIDE,
        Capability::DacReadSearch => Bit::CAP_DAC_READ_SEARCH,
        Capability::Fowner => Bit::CAP_FOWNER,
        Capability::Fsetid => Bit::CAP_FSETID,
        Capability::IpcLock => Bit::CAP_IPC_LOCK,
        Capability::IpcOwner => Bit::CAP_IPC_OWNER,
        Capability::Kill => Bit::CAP_KILL,
        Capability::Lease => Bit::CAP_LEASE,
        Capability::LinuxImmutable => Bit::CAP_LINUX_IMMUTABLE,
        Capability::MacAdmin => Bit::CAP_MAC_ADMIN,
        Capability::MacOverride => Bit::CAP_MAC_OVERRIDE,
        Capability::Mknod => Bit::CAP_MKNOD,
        Capability::NetAdmin => Bit::CAP_NET_ADMIN,
        Capability::NetBindService => Bit::CAP_NET_BIND_SERVICE,
        Capability::NetBroadcast => Bit::CAP_NET_BROADCAST,
        Capability::NetRaw => Bit::CAP_NET_RAW,
        Capability::Perfmon => Bit::CAP_PERFMON,
        Capability::Setgid => Bit::CAP_SETGID,
        Capability::Setfcap => Bit::CAP_SETFCAP,
        Capability::Setpcap => Bit::CAP_SETPCAP,
        Capability::Setuid => Bit::CAP_SETUID,
        Capability::SysAdmin => Bit::CAP_SYS_ADMIN,
        Capability::SysBoot => Bit::CAP_SYS_BOOT,
        Capability::SysChroot => Bit::CAP_SYS_CHROOT,
        Capability::SysModule => Bit::CAP_SYS_MODULE,
        Capability::SysNice => Bit::CAP_SYS_NICE,
        Capability::SysPacct => Bit::CAP_SYS_PACCT,
        Capability::SysPtrace => Bit::CAP_SYS_PTRACE,
        Capability::SysRawio => Bit::CAP_SYS_RAWIO,
        Capability::SysResource => Bit::CAP_SYS_RESOURCE,
        Capability::SysTime => Bit::CAP_SYS_TIME,
        Capability::SysTtyConfig => Bit::CAP_SYS_TTY_CONFIG,
        Capability::Syslog => Bit::CAP_SYSLOG,
        Capability::WakeAlarm => Bit::CAP_WAKE_ALARM,
    }
}

fn names(set: u64) -> Vec<String> {
    let known = caps::all();
    let mut names: Vec<String> = known
        .into_iter()
        .filter(|capability| set & capability.bitmask() != 0)
        .map(|capability| capability.to_string())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_spec::runtime::{LinuxCapabilitiesBuilder, ProcessBuilder};

    fn process() -> Process {
        let set: Capabilities = [Capability::Chown, Capability::NetAdmin].into_iter().collect();
        let capabilities = LinuxCapabilitiesBuilder::default()
            .bounding(set.clone())
            .effective(set.clone())
            .permitted(set.clone())
            .inheritable(Capabilities::default())
            .ambient(set)
            .build()
            .unwrap();
        ProcessBuilder::default().capabilities(capabilities).build().unwrap()
    }

    #[test]
    fn numbers_are_the_kernels() {
        let mut warnings = Vec::new();
        let sets = Sets::of(&process(), u64::MAX, &mut warnings);
        assert_eq!(sets.permitted, 1 | (1 << 12));
        assert_eq!(sets.ambient, 0, "nothing is ambient that is not inheritable");
        assert!(warnings.is_empty());
    }

    #[test]
    fn every_name_is_the_kernels() {
        for bit in caps::all() {
            let name: Capability = serde_json::from_value(bit.to_string().into()).unwrap();
            assert_eq!(bit_of(name), bit);
        }
    }

    #[test]
    fn what_cannot_be_granted_is_left_out_with_a_warning() {
        let mut warnings = Vec::new();
        let sets = Sets::of(&process(), 1, &mut warnings);
        assert_eq!((sets.bounding, sets.effective), (1, 1));
        assert!(warnings[0].contains("CAP_NET_ADMIN"), "{warnings:?}");
    }

    #[test]
    fn what_the_bounding_set_lacks_is_not_inheritable() {
        let given = Sets { bounding: 1, inheritable: 3, permitted: 4, effective: 6, ambient: 0 };
        let mut warnings = Vec::new();
        let sets = given.as_the_kernel_takes_them(&mut warnings);
        assert_eq!(sets, Sets { inheritable: 1, effective: 4, ..given });
        assert!(warnings[0].starts_with("process.capabilities.inheritable: CAP_DAC_OVERRIDE "));
        assert!(warnings[1].starts_with("process.capabilities.effective: CAP_DAC_OVERRIDE "));
    }

    #[test]
    fn none_given_means_none_at_all() {
        let process = ProcessBuilder::default().build().unwrap();
        let process = Process::clone(&process);
        let mut bare = process;
        bare.set_capabilities(None);
        assert_eq!(Sets::of(&bare, u64::MAX, &mut Vec::new()), Sets::default());
    }
}
