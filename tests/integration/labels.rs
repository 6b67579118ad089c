//! AppArmor and SELinux: labels, and what is said where the module is off.

use std::fs;
use std::path::Path;

use crate::harness::{Bundle, is_runc, unless};

fn apparmor() -> bool {
    Path::new("/sys/module/apparmor").exists()
}

fn selinux() -> bool {
    let known = fs::read_to_string("/proc/filesystems").expect("/proc/filesystems");
    known.contains("selinuxfs")
}

#[test]
fn an_apparmor_profile_without_apparmor_is_refused() {
    unless!(!apparmor(), "AppArmor is on");
    let bundle = Bundle::new("apparmor").config(|c| c.set("/process/apparmorProfile", "web"));
    let said: &[&str] = match is_runc() {
        true => &["apparmor"],
        false => &["process.apparmorProfile", "web", "AppArmor", "not enabled"],
    };
    bundle.run().refused(said);
    bundle.assert_nothing_left();
}

#[test]
fn unconfined_needs_no_apparmor() {
    unless!(!apparmor() && !is_runc(), "AppArmor is on, or runc 1.1.5: it refuses");
    let bundle = Bundle::new("unconfined").config(|c| {
        c.set("/process/apparmorProfile", "unconfined");
    });
    bundle.run().ok();
}

#[test]
fn selinux_labels_without_selinux_are_refused() {
    unless!(!selinux(), "SELinux is on");
    let label = "system_u:system_r:container_t:s0:c1,c2";
    for (pointer, path) in [
        ("/process/selinuxLabel", "process.selinuxLabel"),
        ("/linux/mountLabel", "linux.mountLabel"),
    ] {
        let bundle = Bundle::new("selinux").config(|c| c.set(pointer, label));
        let said: &[&str] = match is_runc() {
            true => &["selinux"],
            false => &[path, label, "SELinux", "not enabled"],
        };
        bundle.run().refused(said);
        bundle.assert_nothing_left();
    }
}

#[test]
fn an_exec_is_told_too() {
    unless!(!apparmor(), "AppArmor is on");
    let bundle = Bundle::new("apparmorexec").sleeping();
    let args = ["exec", "--apparmor", "web", &bundle.id, "/bin/probe", "exit", "0"];
    let output = bundle.cmd(&args).output();
    assert!(output.exits(255).stderr().to_lowercase().contains("apparmor"));
}
