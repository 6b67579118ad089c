//! Real root file systems: busybox and a Debian minbase, each with a shell script inside.

use std::path::Path;

use serde_json::json;

use crate::harness::{Bundle, unless};

/// A pipe, ps, a write to /tmp, a killed child, and an exit status at the end.
const SCRIPT: &str = r#"
set -e
printf 'c\nb\na\n' | sort | head -n 1
ps | head -n 1 | grep -c PID
echo "written to tmp" > /tmp/file
cat /tmp/file
sleep 60 & child=$!
kill -9 $child
wait $child || echo "child gave $?"
echo "to stderr" >&2
exit 42
"#;

const OUTPUT: &str = "a\n1\nwritten to tmp\nchild gave 137\n";

#[track_caller]
fn runs_the_script(bundle: &Bundle) {
    let output = bundle.run().exits(42);
    assert_eq!(output.stdout(), OUTPUT);
    // Debian's shell tells of the killed child before.
    assert!(output.stderr().ends_with("to stderr\n"), "{}", output.stderr());
    bundle.assert_nothing_left();
}

fn busybox(name: &str, script: &str) -> Bundle {
    Bundle::new(name).busybox().config(|c| {
        c.mount("tmpfs", "/tmp", "tmpfs", &["mode=1777"]);
        c.args(&["sh", "-c", script]);
    })
}

/// `None` when there is no Debian root file system.
fn debian(name: &str, script: &str) -> Option<Bundle> {
    let rootfs = std::env::var("CREEL_TEST_DEBIAN_ROOTFS").ok()?;
    assert!(Path::new(&rootfs).join("etc/debian_version").exists(), "{rootfs} is no Debian");
    Some(Bundle::new(name).config(|c| {
        c.set("/root/path", rootfs);
        c.mount("tmpfs", "/tmp", "tmpfs", &["mode=1777"]);
        c.args(&["sh", "-c", script]);
    }))
}

const NO_DEBIAN: &str = "CREEL_TEST_DEBIAN_ROOTFS names no Debian root file system";

#[test]
fn a_script_in_busybox() {
    unless!(Path::new("/bin/busybox").exists(), "no /bin/busybox (package busybox-static)");
    runs_the_script(&busybox("busybox", SCRIPT));
}

#[test]
fn a_script_in_debian() {
    let bundle = debian("debian", SCRIPT);
    unless!(bundle.is_some(), "{NO_DEBIAN}");
    runs_the_script(&bundle.expect("a bundle"));
}

#[test]
fn a_shell_killed_by_itself_gives_137() {
    unless!(Path::new("/bin/busybox").exists(), "no /bin/busybox (package busybox-static)");
    // Process 1 cannot kill itself: the child's status is handed on.
    busybox("killed", "sh -c 'kill -9 $$'; exit $?").run().exits(137);
    let bundle = debian("debkilled", "bash -c 'kill -9 $$'; exit $?");
    unless!(bundle.is_some(), "{NO_DEBIAN}");
    bundle.expect("a bundle").run().exits(137);
}

#[test]
fn an_ordinary_user_in_debian() {
    let bundle = debian("user", "id -un; id -gn; echo $HOME; touch /etc/x 2>/dev/null || echo no");
    unless!(bundle.is_some(), "{NO_DEBIAN}");
    let bundle = bundle.expect("a bundle").config(|c| {
        c.set("/process/user", json!({"uid": 33, "gid": 33}));
        c.set("/root/readonly", true);
    });
    assert_eq!(bundle.run().ok().stdout(), "www-data\nwww-data\n/var/www\nno\n");
}

#[test]
fn dpkg_works_in_debian() {
    let bundle =
        debian("dpkg", "dpkg -s libc6 | grep ^Status; stat -c %a /dev/null; ls /proc/1/fd | wc -l");
    unless!(bundle.is_some(), "{NO_DEBIAN}");
    let bundle = bundle.expect("a bundle");
    let output = bundle.run().ok();
    assert!(
        output.stdout().starts_with("Status: install ok installed\n666\n"),
        "{}",
        output.stdout()
    );
}
