//! The architectures of the specification: how the kernel tells them apart, and their system calls.

use super::tables::{self, COUNT, NONE};
use oci_spec::runtime::Arch;

/// Bit 30 of a system call's number tells x32 from x86_64, which share an audit architecture.
pub(super) const X32_BIT: u32 = 0x4000_0000;

/// One architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Architecture {
    pub(super) kind: Arch,
    /// AUDIT_ARCH_*, linux/audit.h: what seccomp_data.arch holds.
    pub(super) audit: u32,
    /// Registers of 64 bits, of which all are compared.
    pub(super) wide: bool,
    pub(super) big_endian: bool,
    /// socketcall(2) and ipc(2) exist beside, or instead of, the single calls.
    pub(super) multiplexes: bool,
    numbers: &'static [u32; COUNT],
}

/// The architecture that this program runs on; `None` when the specification has no name for it.
pub(super) fn native() -> Option<Arch> {
    let little = cfg!(target_endian = "little");
    let wide = cfg!(target_pointer_width = "64");
    Some(match (std::env::consts::ARCH, wide, little) {
        ("x86_64", true, _) => Arch::ScmpArchX86_64,
        ("x86_64", false, _) => Arch::ScmpArchX32,
        ("x86", ..) => Arch::ScmpArchX86,
        ("aarch64", ..) => Arch::ScmpArchAarch64,
        ("arm", ..) => Arch::ScmpArchArm,
        ("mips", _, true) => Arch::ScmpArchMipsel,
        ("mips", _, false) => Arch::ScmpArchMips,
        ("mips64", _, true) => Arch::ScmpArchMipsel64,
        ("mips64", _, false) => Arch::ScmpArchMips64,
        ("powerpc", ..) => Arch::ScmpArchPpc,
        ("powerpc64", _, true) => Arch::ScmpArchPpc64le,
        ("powerpc64", _, false) => Arch::ScmpArchPpc64,
        ("s390x", ..) => Arch::ScmpArchS390x,
        ("riscv64", ..) => Arch::ScmpArchRiscv64,
        ("loongarch64", ..) => Arch::ScmpArchLoongarch64,
        ("m68k", ..) => Arch::ScmpArchM68k,
        _ => return None,
    })
}

impl Architecture {
    /// `native` is what SCMP_ARCH_NATIVE stands for.
    pub(super) fn of(kind: Arch, native: Arch) -> Self {
        let kind = if kind == Arch::ScmpArchNative { native } else { kind };
        // The values of oci-spec are the kernel's, but for x32, which the kernel tells by its numbers.
        let audit = match kind {
            Arch::ScmpArchX32 => Arch::ScmpArchX86_64 as u32,
            kind => kind as u32,
        };
        Architecture {
            kind,
            audit,
            wide: audit & 0x8000_0000 != 0 && !narrow(kind),
            big_endian: audit & 0x4000_0000 == 0,
            multiplexes: multiplexes(kind),
            numbers: numbers(kind),
        }
    }

    /// The number of a system call, without [`X32_BIT`].
    // For the models of the unit tests and of the fuzz target.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.number_at(index(name)?)
    }

    /// The number of the system call at this place of the tables, without [`X32_BIT`].
    pub(super) fn number_at(&self, place: usize) -> Option<u32> {
        let number = self.numbers[place];
        (number != NONE).then(|| self.without_bit(number))
    }

    fn without_bit(&self, number: u32) -> u32 {
        if self.kind == Arch::ScmpArchX32 { number & !X32_BIT } else { number }
    }
}

/// Pointers of 32 bits in a 64-bit architecture: libseccomp compares 32 bits there, and so does this.
fn narrow(kind: Arch) -> bool {
    matches!(kind, Arch::ScmpArchX32 | Arch::ScmpArchMips64n32 | Arch::ScmpArchMipsel64n32)
}

fn multiplexes(kind: Arch) -> bool {
    matches!(
        kind,
        Arch::ScmpArchX86
            | Arch::ScmpArchMips
            | Arch::ScmpArchMipsel
            | Arch::ScmpArchPpc
            | Arch::ScmpArchPpc64
            | Arch::ScmpArchPpc64le
            | Arch::ScmpArchS390
            | Arch::ScmpArchS390x
            | Arch::ScmpArchM68k
            | Arch::ScmpArchSh
            | Arch::ScmpArchSheb
    )
}

fn numbers(kind: Arch) -> &'static [u32; COUNT] {
    match kind {
        Arch::ScmpArchX86_64 | Arch::ScmpArchNative => &tables::X86_64,
        Arch::ScmpArchX86 => &tables::X86,
        Arch::ScmpArchX32 => &tables::X32,
        Arch::ScmpArchArm => &tables::ARM,
        Arch::ScmpArchAarch64 => &tables::AARCH64,
        Arch::ScmpArchMips | Arch::ScmpArchMipsel => &tables::MIPS,
        Arch::ScmpArchMips64 | Arch::ScmpArchMipsel64 => &tables::MIPS64,
        Arch::ScmpArchMips64n32 | Arch::ScmpArchMipsel64n32 => &tables::MIPS64N32,
        Arch::ScmpArchPpc => &tables::PPC,
        Arch::ScmpArchPpc64 | Arch::ScmpArchPpc64le => &tables::PPC64,
        Arch::ScmpArchS390 => &tables::S390,
        Arch::ScmpArchS390x => &tables::S390X,
        Arch::ScmpArchParisc => &tables::PARISC,
        Arch::ScmpArchParisc64 => &tables::PARISC64,
        Arch::ScmpArchRiscv64 => &tables::RISCV64,
        Arch::ScmpArchLoongarch64 => &tables::LOONGARCH64,
        Arch::ScmpArchM68k => &tables::M68K,
        Arch::ScmpArchSh | Arch::ScmpArchSheb => &tables::SH,
    }
}

/// The place of a name in the tables, which is the same for all architectures.
pub(super) fn index(name: &str) -> Option<usize> {
    let (mut low, mut high) = (0, COUNT);
    while low < high {
        let middle = usize::midpoint(low, high);
        match nth_bytes(middle).cmp(name.as_bytes()) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle),
        }
    }
    None
}

fn nth_bytes(index: usize) -> &'static [u8] {
    let start = if index == 0 { 0 } else { usize::from(tables::ENDS[index - 1]) };
    &tables::NAMES.as_bytes()[start..usize::from(tables::ENDS[index])]
}

/// The names in order.
#[cfg_attr(not(test), allow(dead_code))]
pub(super) fn nth_name(index: usize) -> &'static str {
    std::str::from_utf8(nth_bytes(index)).expect("a name")
}

/// What a call is when it comes through another one: the carrier's name and the first argument there
/// (linux/net.h and linux/ipc.h).
pub(super) fn multiplexed(name: &str) -> Option<(&'static str, u32)> {
    const SOCKET: &str = "socketcall";
    const IPC: &str = "ipc";
    /// In the order of the names.
    const CARRIED: [(&str, &str, u32); 32] = [
        ("accept", SOCKET, 5),
        ("accept4", SOCKET, 18),
        ("bind", SOCKET, 2),
        ("connect", SOCKET, 3),
        ("getpeername", SOCKET, 7),
        ("getsockname", SOCKET, 6),
        ("getsockopt", SOCKET, 15),
        ("listen", SOCKET, 4),
        ("msgctl", IPC, 14),
        ("msgget", IPC, 13),
        ("msgrcv", IPC, 12),
        ("msgsnd", IPC, 11),
        ("recv", SOCKET, 10),
        ("recvfrom", SOCKET, 12),
        ("recvmmsg", SOCKET, 19),
        ("recvmsg", SOCKET, 17),
        ("semctl", IPC, 3),
        ("semget", IPC, 2),
        ("semop", IPC, 1),
        ("semtimedop", IPC, 4),
        ("send", SOCKET, 9),
        ("sendmmsg", SOCKET, 20),
        ("sendmsg", SOCKET, 16),
        ("sendto", SOCKET, 11),
        ("setsockopt", SOCKET, 14),
        ("shmat", IPC, 21),
        ("shmctl", IPC, 24),
        ("shmdt", IPC, 22),
        ("shmget", IPC, 23),
        ("shutdown", SOCKET, 13),
        ("socket", SOCKET, 1),
        ("socketpair", SOCKET, 8),
    ];
    let place = CARRIED.binary_search_by(|(known, ..)| known.as_bytes().cmp(name.as_bytes()));
    place.ok().map(|place| (CARRIED[place].1, CARRIED[place].2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_place() {
        for place in 0..COUNT {
            assert_eq!(index(nth_name(place)), Some(place), "{}", nth_name(place));
        }
        for unknown in ["", "zzz", "read ", "rea", "Read"] {
            assert_eq!(index(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn what_is_carried_is_found() {
        assert_eq!(multiplexed("accept"), Some(("socketcall", 5)));
        assert_eq!(multiplexed("socketpair"), Some(("socketcall", 8)));
        assert_eq!(multiplexed("semctl"), Some(("ipc", 3)));
        assert_eq!(multiplexed("shmget"), Some(("ipc", 23)));
        assert_eq!(multiplexed("read"), None);
        let carried = (0..COUNT).filter(|place| multiplexed(nth_name(*place)).is_some());
        assert_eq!(carried.count(), 32);
    }

    #[test]
    fn the_native_numbers_are_those_of_libc() {
        let native = native().unwrap();
        let here = Architecture::of(Arch::ScmpArchNative, native);
        for (name, number) in [
            ("execve", libc::SYS_execve),
            ("openat2", libc::SYS_openat2),
            ("seccomp", libc::SYS_seccomp),
        ] {
            assert_eq!(here.number(name), Some(number as u32), "{name}");
        }
    }

    #[test]
    fn numbers_differ_by_architecture() {
        let of = |kind, name| Architecture::of(kind, Arch::ScmpArchX86_64).number(name);
        assert_eq!(of(Arch::ScmpArchX86, "execve"), Some(11));
        assert_eq!(of(Arch::ScmpArchX32, "execve"), Some(520));
        assert_eq!(of(Arch::ScmpArchAarch64, "open"), None);
        assert_eq!(of(Arch::ScmpArchArm, "set_tls"), Some(0xf_0005));
        assert_eq!(of(Arch::ScmpArchMips, "read"), Some(4003));
    }
}
