//! Which security modules are on: a label for one that is off is an error, not silence.

use crate::plan;
use oci_spec::runtime::{Linux, Process};
use std::fmt;
use std::fs;

/// A label is asked for, and who should enforce it is off.
#[derive(Debug)]
pub struct LsmError {
    json_path: &'static str,
    module: &'static str,
    label: String,
}

impl fmt::Display for LsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LsmError { json_path, module, label } = self;
        write!(f, "{json_path}: {label:?} needs {module}, which is not enabled on this host")
    }
}

impl std::error::Error for LsmError {}

/// Looks at the host only where a label is asked for.
pub(crate) fn check(process: Option<&Process>, linux: Option<&Linux>) -> Result<(), LsmError> {
    let refuse = |json_path, module, label: &str| {
        Err(LsmError { json_path, module, label: label.to_owned() })
    };
    if let Some(profile) = process.and_then(plan::apparmor_profile) {
        if !apparmor() {
            return refuse("process.apparmorProfile", "AppArmor", profile);
        }
    }
    let process_label = process.and_then(|process| plan::given_label(process.selinux_label()));
    let mount_label = linux.and_then(|linux| plan::given_label(linux.mount_label()));
    for (json_path, label) in
        [("process.selinuxLabel", process_label), ("linux.mountLabel", mount_label)]
    {
        match label {
            Some(label) if !selinux() => return refuse(json_path, "SELinux", label),
            _ => {}
        }
    }
    Ok(())
}

fn apparmor() -> bool {
    fs::read("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with(b"Y"))
}

/// selinuxfs is known only to a kernel in which SELinux has not been switched off at boot.
fn selinux() -> bool {
    fs::read_to_string("/proc/filesystems")
        .is_ok_and(|text| text.lines().any(|line| line.ends_with("\tselinuxfs")))
}
