//! Why the kernel refuses a user namespace: errno does not tell, but sysctls do.

use std::fs;
use std::path::Path;

/// What to do when making a user namespace, or something in a new one, was refused.
pub(crate) fn advice(errno: Option<i32>) -> Option<&'static str> {
    advice_by(Path::new("/proc/sys"), errno)
}

fn advice_by(sysctls: &Path, errno: Option<i32>) -> Option<&'static str> {
    let is = |name: &str, value: &str| {
        fs::read_to_string(sysctls.join(name)).is_ok_and(|found| found.trim() == value)
    };
    match errno? {
        libc::EPERM | libc::EACCES => {
            if is("kernel/unprivileged_userns_clone", "0") {
                return Some(
                    "this host forbids user namespaces to users other than root: as root, set sysctl \
                     kernel.unprivileged_userns_clone=1",
                );
            }
            if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
                return Some(
                    "AppArmor lets only programs with a profile make user namespaces: as root, give creel one that \
                     says \"userns,\" (docs/rootless.md), or set sysctl \
                     kernel.apparmor_restrict_unprivileged_userns=0",
                );
            }
            None
        }
        libc::ENOSPC | libc::EUSERS if is("user/max_user_namespaces", "0") => Some(
            "this host forbids user namespaces: as root, set sysctl user.max_user_namespaces to more than 0",
        ),
        libc::ENOSPC | libc::EUSERS => Some(
            "there are too many user namespaces, or they are nested too deeply; see sysctl user.max_user_namespaces",
        ),
        libc::EINVAL | libc::ENOSYS => Some("this kernel has no user namespaces (CONFIG_USER_NS)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The advice where these sysctls have these values.
    fn advice_with(sysctls: &[(&str, &str)], errno: i32) -> Option<&'static str> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("creel-sysctls-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        for (name, value) in sysctls {
            let file = directory.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{value}\n")).unwrap();
        }
        let advice = advice_by(&directory, Some(errno));
        let _ = fs::remove_dir_all(directory);
        advice
    }

    #[test]
    fn the_sysctl_that_forbids_is_named() {
        let cases = [
            ("kernel/apparmor_restrict_unprivileged_userns", "1", libc::EACCES),
            ("kernel/apparmor_restrict_unprivileged_userns", "1", libc::EPERM),
            ("kernel/unprivileged_userns_clone", "0", libc::EPERM),
            ("user/max_user_namespaces", "0", libc::ENOSPC),
        ];
        for (sysctl, value, errno) in cases {
            let advice = advice_with(&[(sysctl, value)], errno).unwrap();
            assert!(advice.contains(&sysctl.replace('/', ".")), "{advice}");
        }
    }

    #[test]
    fn nothing_is_blamed_that_does_not_forbid() {
        let allowing = [
            ("kernel/apparmor_restrict_unprivileged_userns", "0"),
            ("kernel/unprivileged_userns_clone", "1"),
        ];
        assert_eq!(advice_with(&allowing, libc::EPERM), None);
        assert_eq!(advice_with(&[], libc::EPERM), None);
        assert!(advice_with(&[("user/max_user_namespaces", "9")], libc::ENOSPC).is_some());
    }
}
