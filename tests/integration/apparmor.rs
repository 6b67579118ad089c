//! AppArmor, where it is on: a profile of the tests' own is loaded, and holds.

use std::fs;

use crate::harness::{Bundle, needs_root, unless};

pub(crate) fn is_on() -> bool {
    let enabled = fs::read_to_string("/sys/module/apparmor/parameters/enabled");
    enabled.is_ok_and(|text| text.starts_with('Y'))
}

pub(crate) const OFF: &str = "AppArmor is not enabled on this host";
pub(crate) const NOT_LOADED: &str = "only root can load a profile";

/// A profile that forbids `/tmp/forbidden`; taken out again at the end.
pub(crate) struct Profile<'a> {
    bundle: &'a Bundle,
    pub(crate) name: String,
    file: String,
}

impl Profile<'_> {
    pub(crate) fn load(bundle: &Bundle) -> Profile<'_> {
        let name = format!("creel-{}", bundle.id);
        let path = bundle.outside("profile").join("profile");
        let text = format!(
            "profile {name} flags=(attach_disconnected,mediate_deleted) {{\n\
             file,\ncapability,\nnetwork,\nsignal,\nunix,\nptrace,\n\
             deny /tmp/forbidden rw,\n}}\n"
        );
        fs::write(&path, text).expect("a profile");
        let file = path.to_str().expect("UTF-8").to_owned();
        bundle.plain(&["apparmor_parser", "--add", "--skip-cache", &file]).ok();
        Profile { bundle, name, file }
    }
}

impl Drop for Profile<'_> {
    fn drop(&mut self) {
        let unloaded = self.bundle.plain(&["apparmor_parser", "--remove", &self.file]).output();
        if !std::thread::panicking() {
            unloaded.ok();
        }
    }
}

/// Says its label, and what of `/tmp` it can write to.
const LOOK: &str = "cat /proc/self/attr/current
for name in forbidden allowed; do
    (echo x >/tmp/$name) 2>/dev/null && echo $name
done
true";

/// A container with a /tmp, whose program looks.
fn bundle(name: &str) -> Bundle {
    Bundle::new(name).busybox().config(|c| {
        c.mount("tmpfs", "/tmp", "tmpfs", &[]);
        c.args(&["/bin/sh", "-c", LOOK]);
    })
}

fn staying(name: &str) -> Bundle {
    bundle(name).config(|c| c.args(&["/bin/sleep", "600"]))
}

fn look_by_exec(bundle: &Bundle, options: &[&str]) -> String {
    let words = [&["exec"], options, &[&bundle.id, "/bin/sh", "-c", LOOK]].concat();
    bundle.cmd(&words).ok().stdout()
}

const UNCONFINED: &str = "unconfined\nforbidden\nallowed\n";

#[test]
fn the_profile_of_the_process_holds() {
    unless!(is_on(), "{OFF}");
    needs_root!("{NOT_LOADED}");
    for no_new_privileges in [true, false] {
        let mut bundle = bundle("profile");
        assert_eq!(bundle.run().ok().stdout(), UNCONFINED, "without a profile");
        let name = format!("creel-{}", bundle.id);
        bundle.reconfigure(|c| {
            c.set("/process/apparmorProfile", name.as_str());
            c.set("/process/noNewPrivileges", no_new_privileges);
        });
        let profile = Profile::load(&bundle);
        let expected = format!("{} (enforce)\nallowed\n", profile.name);
        assert_eq!(bundle.run().ok().stdout(), expected);
    }
}

#[test]
fn an_exec_has_the_profile_of_the_container() {
    unless!(is_on(), "{OFF}");
    needs_root!("{NOT_LOADED}");
    let mut bundle = staying("inherited");
    let name = format!("creel-{}", bundle.id);
    bundle.reconfigure(|c| c.set("/process/apparmorProfile", name.as_str()));
    let profile = Profile::load(&bundle);
    bundle.create_and_start();
    let expected = format!("{} (enforce)\nallowed\n", profile.name);
    assert_eq!(look_by_exec(&bundle, &[]), expected);
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
}

#[test]
fn an_exec_can_be_given_a_profile() {
    unless!(is_on(), "{OFF}");
    needs_root!("{NOT_LOADED}");
    let bundle = staying("given");
    let profile = Profile::load(&bundle);
    bundle.create_and_start();
    assert_eq!(look_by_exec(&bundle, &[]), UNCONFINED);
    let expected = format!("{} (enforce)\nallowed\n", profile.name);
    assert_eq!(look_by_exec(&bundle, &["--apparmor", &profile.name]), expected);
    bundle.cmd(&["delete", "--force", &bundle.id]).ok();
}

#[test]
fn a_profile_that_is_not_loaded_is_refused() {
    unless!(is_on(), "{OFF}");
    let bundle = bundle("missing").config(|c| c.set("/process/apparmorProfile", "creel-is-none"));
    let said = ["process.apparmorProfile", "creel-is-none"];
    bundle.on_bundle("create", &[]).output().refused(&said);
    bundle.assert_nothing_left();
}

#[test]
fn unconfined_is_a_profile() {
    unless!(is_on(), "{OFF}");
    let bundle = bundle("unconfined");
    let bundle = bundle.config(|c| c.set("/process/apparmorProfile", "unconfined"));
    assert_eq!(bundle.run().ok().stdout(), UNCONFINED);
}
