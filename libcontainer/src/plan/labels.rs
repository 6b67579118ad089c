//! What security modules are told: AppArmor's profile and SELinux's labels.

use super::{PlanError, Script, known_text};
use creel_wire::owned::Step;
use oci_spec::runtime::Process;

/// Written while this process may still write its own attributes; in force from execve on.
pub(super) fn plan(script: &mut Script, process: &Process) -> Result<(), PlanError> {
    if let Some(label) = given(process.selinux_label()) {
        let step = exec_label("process.selinuxLabel", &["attr/exec"], label.to_owned())?;
        script.push("process.selinuxLabel", step);
    }
    // Not confined is what a process is without AppArmor as well.
    if let Some(profile) = apparmor_profile(process) {
        // The directory came with Linux 5.1, for more than one security module at a time.
        let files = ["attr/apparmor/exec", "attr/exec"];
        let step = exec_label("process.apparmorProfile", &files, format!("exec {profile}"))?;
        script.push("process.apparmorProfile", step);
    }
    Ok(())
}

/// The profile that has to be written.
pub(crate) fn apparmor_profile(process: &Process) -> Option<&str> {
    given(process.apparmor_profile()).filter(|profile| *profile != "unconfined")
}

/// A label that is not empty.
pub(crate) fn given(label: &Option<String>) -> Option<&str> {
    label.as_deref().filter(|label| !label.is_empty())
}

fn exec_label(json_path: &str, files: &[&'static str], label: String) -> Result<Step, PlanError> {
    if label.contains('\0') {
        return Err(PlanError::Nul { json_path: json_path.to_owned() });
    }
    let files = files.iter().map(|file| known_text(file)).collect();
    Ok(Step::ExecLabel { files, label: label.into_bytes() })
}

/// `linux.mountLabel` as an option for a file system that takes one.
pub(super) fn mount_option(label: Option<&str>, fstype: &str, given: &[String]) -> Option<String> {
    // What these show has labels of its own, and mqueue takes one only afterwards.
    let labelled = !matches!(fstype, "proc" | "sysfs" | "mqueue" | "cgroup" | "cgroup2");
    let own = given.iter().any(|option| option.starts_with("context="));
    label
        .filter(|label| labelled && !own && !label.is_empty())
        .map(|label| format!("context={label}"))
}

/// `linux.mountLabel` for the directory itself: mqueue takes no option, but its root a label.
pub(super) fn of_mount_point(label: Option<&str>, fstype: &str) -> Option<Vec<u8>> {
    label
        .filter(|label| fstype == "mqueue" && !label.is_empty())
        .map(|label| label.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_label_goes_to_file_systems_that_take_one() {
        let option = |fstype: &str, given: &[String]| mount_option(Some("a:b"), fstype, given);
        assert_eq!(option("tmpfs", &[]).as_deref(), Some("context=a:b"));
        assert_eq!(option("proc", &[]), None);
        assert_eq!(option("tmpfs", &["context=own".to_owned()]), None);
        assert_eq!(mount_option(None, "tmpfs", &[]), None);
    }

    #[test]
    fn apparmor_is_told_at_exec_but_not_that_there_is_nothing() {
        let mut process = Process::default();
        process.set_apparmor_profile(Some("unconfined".to_owned()));
        assert_eq!(apparmor_profile(&process), None);
        process.set_apparmor_profile(Some("creel-test".to_owned()));
        let mut script = Script::new();
        plan(&mut script, &process).unwrap();
        let files = vec![known_text("attr/apparmor/exec"), known_text("attr/exec")];
        let label = b"exec creel-test".to_vec();
        assert_eq!(script.steps[0].step, Step::ExecLabel { files, label });
    }
}
