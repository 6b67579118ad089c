//! What is left of `linux` (config-linux.md).

use std::path::Path;

use oci_spec::runtime::{Linux, LinuxDevice, LinuxDeviceType, LinuxNamespaceType, Spec};

use super::{CheckError, identity, namespaces, seccomp, sysctl, text};
use crate::spec::json_path::member;

pub(super) fn check(spec: &Spec) -> Result<(), CheckError> {
    let Some(linux) = spec.linux() else { return Ok(()) };
    identity::check(spec)?;
    sysctl::check(spec)?;
    hidden_paths(spec, "linux.maskedPaths", linux.masked_paths().as_deref())?;
    hidden_paths(spec, "linux.readonlyPaths", linux.readonly_paths().as_deref())?;
    for (index, given) in linux.devices().iter().flatten().enumerate() {
        device(given, &format!("linux.devices[{index}]"))?;
    }
    rootfs_propagation(linux)?;
    personality(linux)?;
    time_offsets(spec, linux)?;
    if let Some(path) = linux.cgroups_path() {
        text::no_nul_path("linux.cgroupsPath", path)?;
    }
    match linux.seccomp() {
        Some(given) => seccomp::check(given),
        None => Ok(()),
    }
}

/// Without a mount namespace of its own the container would hide the host's files.
fn hidden_paths(spec: &Spec, at: &str, paths: Option<&[String]>) -> Result<(), CheckError> {
    for (index, path) in paths.unwrap_or_default().iter().enumerate() {
        if index == 0 {
            namespaces::require(spec, "mount", at, path)?;
        }
        text::absolute(|| format!("{at}[{index}]"), Path::new(path))?;
    }
    Ok(())
}

/// mknod(2); the kernel has 12 bits for the major number and 20 for the minor.
fn device(device: &LinuxDevice, at: &str) -> Result<(), CheckError> {
    text::absolute(|| format!("{at}.path"), device.path())?;
    match device.typ() {
        LinuxDeviceType::A => {
            return Err(CheckError::unsupported(format!("{at}.type"), "a", "b, c, u or p"));
        }
        LinuxDeviceType::P => return Ok(()),
        LinuxDeviceType::B | LinuxDeviceType::C | LinuxDeviceType::U => {}
    }
    if !(0..1 << 12).contains(&device.major()) {
        let path = format!("{at}.major");
        return Err(CheckError::unsupported(path, device.major(), "a number from 0 to 4095"));
    }
    if !(0..1 << 20).contains(&device.minor()) {
        let path = format!("{at}.minor");
        return Err(CheckError::unsupported(path, device.minor(), "a number from 0 to 1048575"));
    }
    Ok(())
}

fn rootfs_propagation(linux: &Linux) -> Result<(), CheckError> {
    let Some(given) = linux.rootfs_propagation().as_deref() else { return Ok(()) };
    match given {
        "" => Ok(()),
        "shared" | "slave" | "private" | "unbindable" => Ok(()),
        "rshared" | "rslave" | "rprivate" | "runbindable" => Ok(()),
        _ => Err(CheckError::unsupported(
            "linux.rootfsPropagation",
            given,
            "shared, slave, private or unbindable, each also with an r before it",
        )),
    }
}

fn personality(linux: &Linux) -> Result<(), CheckError> {
    let flags = linux.personality().as_ref().and_then(|given| given.flags().as_deref());
    match flags.unwrap_or_default().first() {
        Some(flag) => {
            Err(CheckError::unsupported("linux.personality.flags[0]", flag, "no flag as yet"))
        }
        None => Ok(()),
    }
}

/// time_namespaces(7): offsets can be written only before anything has entered the namespace.
fn time_offsets(spec: &Spec, linux: &Linux) -> Result<(), CheckError> {
    let time = namespaces::of(spec, LinuxNamespaceType::Time);
    for (clock, offset) in linux.time_offsets().iter().flatten() {
        let path = member("linux.timeOffsets", clock);
        if !matches!(clock.as_str(), "monotonic" | "boottime") {
            return Err(CheckError::unsupported(path, clock, "monotonic and boottime"));
        }
        namespaces::require(spec, "time", &path, clock)?;
        if time.is_some_and(|namespace| namespace.path().is_some()) {
            let with = "the path of the time namespace; a joined one keeps its offsets";
            return Err(CheckError::conflict(path, clock, with));
        }
        if let Some(nanoseconds @ 1_000_000_000..) = offset.nanosecs() {
            let path = path + ".nanosecs";
            return Err(CheckError::unsupported(path, nanoseconds, "a number below 1000000000"));
        }
    }
    Ok(())
}
