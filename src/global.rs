//! What the global flags mean, where that is more than their text.

use libcontainer::Rootless;

use crate::{cli::Globals, failure::Failure, report::Level};

/// Who makes the containers' cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CgroupManager {
    /// creel, as directories.
    Cgroupfs,
    /// systemd, as scope units.
    Systemd,
    /// Nobody: a container stays in its caller's.
    Disabled,
}

/// Checks the flags that many commands do not look at, so that a wrong value is an error of every command.
pub(crate) fn check(globals: &Globals) -> Result<(), Failure> {
    cgroup_manager(globals)?;
    rootless(globals).map(drop)
}

/// From `--cgroup-manager` or `--systemd-cgroup`.
pub(crate) fn cgroup_manager(globals: &Globals) -> Result<CgroupManager, Failure> {
    let manager = match globals.cgroup_manager.as_deref() {
        None if globals.systemd_cgroup => return Ok(CgroupManager::Systemd),
        None | Some("cgroupfs") => CgroupManager::Cgroupfs,
        Some("systemd") => CgroupManager::Systemd,
        Some("disabled") => CgroupManager::Disabled,
        Some(found) => {
            let (flag, allowed) = ("cgroup-manager", "cgroupfs, systemd or disabled");
            return Err(Failure::Amount { flag, found: found.to_owned(), allowed });
        }
    };
    match globals.systemd_cgroup && manager != CgroupManager::Systemd {
        true => Err(Failure::CgroupManagers),
        false => Ok(manager),
    }
}

/// From `--rootless`; the words for yes and no are those that Go reads as a boolean.
pub(crate) fn rootless(globals: &Globals) -> Result<Rootless, Failure> {
    match globals.rootless.as_str() {
        "auto" | "" => Ok(Rootless::Auto),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Rootless::Yes),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Rootless::No),
        found => {
            let (flag, allowed) = ("rootless", "true, false or auto");
            Err(Failure::Amount { flag, found: found.to_owned(), allowed })
        }
    }
}

/// From `--debug` and `--log-level`: the least that is reported.
pub(crate) fn log_level(globals: &Globals) -> Result<Level, Failure> {
    let level = match globals.log_level.as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "warning" => Level::Warning,
        "error" => Level::Error,
        found => {
            let (flag, allowed) = ("log-level", "trace, debug, warning or error");
            return Err(Failure::Amount { flag, found: found.to_owned(), allowed });
        }
    };
    Ok(if globals.debug { level.min(Level::Debug) } else { level })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globals(line: &str) -> Globals {
        let words = line.split_whitespace().chain(["list"]);
        Globals::parse(words.map(Into::into).collect()).unwrap().0
    }

    #[test]
    fn a_cgroup_manager_is_named_once() {
        let manager = |line: &str| cgroup_manager(&globals(line));
        assert_eq!(manager("").unwrap(), CgroupManager::Cgroupfs);
        assert_eq!(manager("--systemd-cgroup").unwrap(), CgroupManager::Systemd);
        assert_eq!(manager("--cgroup-manager systemd").unwrap(), CgroupManager::Systemd);
        assert_eq!(manager("--cgroup-manager=disabled").unwrap(), CgroupManager::Disabled);
        let both = "--systemd-cgroup --cgroup-manager ";
        assert_eq!(manager(&format!("{both}systemd")).unwrap(), CgroupManager::Systemd);
        assert!(matches!(manager(&format!("{both}cgroupfs")), Err(Failure::CgroupManagers)));
        assert!(manager("--cgroup-manager bogus").is_err());
    }

    #[test]
    fn rootless_is_a_boolean_or_auto() {
        assert_eq!(rootless(&globals("")).unwrap(), Rootless::Auto);
        assert_eq!(rootless(&globals("--rootless=true")).unwrap(), Rootless::Yes);
        assert_eq!(rootless(&globals("--rootless F")).unwrap(), Rootless::No);
        assert!(rootless(&globals("--rootless maybe")).is_err());
    }

    #[test]
    fn debug_wins_over_the_level() {
        assert_eq!(log_level(&globals("")).unwrap(), Level::Warning);
        assert_eq!(log_level(&globals("--log-level error")).unwrap(), Level::Error);
        assert_eq!(log_level(&globals("--log-level error --debug")).unwrap(), Level::Debug);
        assert_eq!(log_level(&globals("--log-level trace --debug")).unwrap(), Level::Trace);
        assert!(log_level(&globals("--log-level info")).is_err());
    }
}
