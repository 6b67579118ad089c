//! Bind mounts and propagation.

use std::fs;
use std::path::{Path, PathBuf};

use creel_probe::{Mount, Report, Try};
use nix::mount::{MsFlags, mount};
use serde_json::json;

use crate::harness::{Bundle, needs_root, runc_deviates};

/// A directory outside the bundle with a file and a copy of the probe in it.
fn source(bundle: &Bundle) -> PathBuf {
    let dir = bundle.outside("source");
    fs::write(dir.join("file"), "of the host\n").expect("file");
    fs::copy(bundle.rootfs("bin/probe"), dir.join("program")).expect("program");
    dir
}

/// Binds such a directory to /m, with these options.
fn bound(options: &[&str]) -> (Bundle, PathBuf) {
    let bundle = Bundle::new("bind");
    let source = source(&bundle);
    let bundle = bundle.config(|c| c.bind(text(&source), "/m", options));
    (bundle, source)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn mount_at<'a>(report: &'a Report, target: &str) -> &'a Mount {
    report.mount(target).unwrap_or_else(|| panic!("no mount at {target}"))
}

fn worked(text: &str) -> Try {
    Try::Worked(text.to_owned())
}

fn failed(errno: &str) -> Try {
    Try::Failed(errno.to_owned())
}

#[test]
fn a_bind_shows_the_hosts_directory_and_takes_writes() {
    let (mut bundle, source) = bound(&[]);
    let tries = bundle.try_all(&["read:/m/file", "make:/m/new", "exec:/m/program"]);
    assert_eq!(tries, [worked("of the host\n"), worked(""), worked("executed\n")]);
    assert!(source.join("new").exists());
}

#[test]
fn a_read_only_bind() {
    let (mut bundle, _) = bound(&["ro"]);
    let tries = bundle.try_all(&["read:/m/file", "write:/m/file", "make:/m/new"]);
    assert_eq!(tries, [worked("of the host\n"), failed("EROFS"), failed("EROFS")]);
}

#[test]
fn flags_of_a_bind_apply() {
    let (mut bundle, _) = bound(&["nosuid", "nodev", "noexec"]);
    assert_eq!(bundle.try_inside("exec:/m/program"), failed("EACCES"));
    let report = bundle.report();
    let mount = mount_at(&report, "/m");
    for option in ["rw", "nosuid", "nodev", "noexec"] {
        assert!(mount.has(option), "no {option} in {:?}", mount.options);
    }
}

#[test]
fn the_source_mount_of_the_host_keeps_its_flags() {
    let (bundle, source) = bound(&["ro"]);
    bundle.report();
    fs::write(source.join("later"), "x").expect("the host may still write");
}

#[test]
fn a_file_is_bound_to_a_file_that_is_made() {
    let bundle = Bundle::new("filebind");
    let file = source(&bundle).join("file");
    let mut bundle = bundle.config(|c| c.bind(text(&file), "/etc/from/host", &["ro"]));
    assert_eq!(bundle.try_inside("read:/etc/from/host"), worked("of the host\n"));
    assert!(bundle.rootfs("etc/from/host").is_file(), "the place in the rootfs is no file");
}

#[test]
fn a_relative_source_starts_at_the_bundle() {
    let mut bundle = Bundle::new("relsource").config(|c| c.bind("data", "/m", &[]));
    fs::create_dir(bundle.path("data")).expect("directory");
    fs::write(bundle.path("data/file"), "of the bundle\n").expect("file");
    assert_eq!(bundle.try_inside("read:/m/file"), worked("of the bundle\n"));
}

#[test]
fn the_option_makes_a_bind_whatever_the_type() {
    for fstype in ["none", "ext4", "nonesuch"] {
        let bundle = Bundle::new("anytype");
        let source = source(&bundle);
        let mut bundle = bundle.config(|c| c.mount(text(&source), "/m", fstype, &["bind"]));
        assert_eq!(bundle.try_inside("read:/m/file"), worked("of the host\n"), "{fstype}");
    }
}

#[test]
fn the_type_may_be_missing_in_a_bind() {
    let bundle = Bundle::new("notype");
    let source = source(&bundle);
    let mut bundle = bundle.config(|c| {
        let mount = json!({"destination": "/m", "source": text(&source), "options": ["rbind"]});
        c.push("/mounts", mount);
    });
    assert_eq!(bundle.try_inside("read:/m/file"), worked("of the host\n"));
}

#[test]
fn bind_leaves_out_what_is_mounted_below_and_rbind_takes_it_along() {
    needs_root!("it mounts something on the host");
    let (mut bundle, source) = bound(&[]);
    let below = source.join("below");
    fs::create_dir(&below).expect("directory");
    bundle.mount_tmpfs(&below, MsFlags::empty(), "size=64k");
    assert!(bundle.report().mount("/m/below").is_none());
    let bundle = bundle.config(|c| {
        c.without_mount("/m");
        c.mount(text(&source), "/m", "bind", &["rbind", "ro"]);
    });
    let report = bundle.report();
    assert!(mount_at(&report, "/m").has("ro"));
    assert!(mount_at(&report, "/m/below").has("rw"), "ro is for the uppermost mount only");
}

#[test]
fn flags_that_the_source_has_stay() {
    needs_root!("it mounts something on the host");
    let mut bundle = Bundle::new("keepflags");
    let source = bundle.outside("restricted");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    bundle.mount_tmpfs(&source, flags, "size=64k");
    let bundle = bundle.config(|c| c.bind(text(&source), "/m", &[]));
    let report = bundle.report();
    let mount = mount_at(&report, "/m");
    for option in ["nosuid", "nodev", "noexec"] {
        assert!(mount.has(option), "{option} got lost: {:?}", mount.options);
    }
}

#[test]
fn recursive_read_only_reaches_what_is_below() {
    needs_root!("it mounts something on the host");
    let mut bundle = Bundle::new("rro");
    let source = source(&bundle);
    let below = source.join("below");
    fs::create_dir(&below).expect("directory");
    bundle.mount_tmpfs(&below, MsFlags::empty(), "size=64k");
    let bundle = bundle.config(|c| c.mount(text(&source), "/m", "bind", &["rbind", "rro"]));
    let report = bundle.report();
    assert!(mount_at(&report, "/m").has("ro"));
    assert!(mount_at(&report, "/m/below").has("ro"));
}

#[test]
fn propagation_options() {
    for (option, field) in
        [("shared", Some("shared:")), ("unbindable", Some("unbindable")), ("private", None)]
    {
        let (bundle, _) = bound(&[option]);
        let report = bundle.report();
        let found = &mount_at(&report, "/m").propagation;
        match field {
            Some(field) => {
                assert!(found.iter().any(|f| f.starts_with(field)), "{option}: {found:?}")
            }
            None => assert!(found.is_empty(), "{option}: {found:?}"),
        }
    }
}

#[test]
fn the_root_is_not_shared_unless_asked_for() {
    let report = Bundle::new("private").report();
    let fields = &mount_at(&report, "/").propagation;
    assert!(!fields.iter().any(|f| f.starts_with("shared:")), "{fields:?}");
}

#[test]
fn rootfs_propagation_shared() {
    runc_deviates!("the root stays private");
    let bundle = Bundle::new("shared").config(|c| {
        c.set("/linux/rootfsPropagation", "shared");
    });
    let report = bundle.report();
    let fields = &mount_at(&report, "/").propagation;
    assert!(fields.iter().any(|f| f.starts_with("shared:")), "{fields:?}");
}

/// As Kubernetes' drivers of volumes want it: what is mounted in such a volume inside is there on the host too.
#[test]
fn a_shared_bind_is_a_peer_of_its_source_where_the_root_is_shared() {
    needs_root!("it mounts the source");
    let mut bundle = Bundle::new("peers");
    let source = source(&bundle);
    bundle.mount_tmpfs(&source, MsFlags::empty(), "size=64k");
    mount(None::<&str>, &source, None::<&str>, MsFlags::MS_SHARED, None::<&str>).expect("shared");
    let peers = peer_group(&source);
    for (root, options) in [("shared", ["rbind", "shared"]), ("rshared", ["bind", "rshared"])] {
        let bundle = Bundle::new("peer").config(|c| {
            c.set("/linux/rootfsPropagation", root);
            c.bind(text(&source), "/m", &[options[0], options[1], "ro"]);
            c.bind(text(&source), "/private", &[options[0], "rprivate"]);
            c.bind(text(&source), "/link/n", &[options[0], options[1], "ro"]);
        });
        // As images have /var/run.
        std::os::unix::fs::symlink("/tmp", bundle.rootfs("link")).expect("a link");
        let report = bundle.report();
        assert!(mount_at(&report, "/tmp/n").has("ro"), "{root}");
        assert_eq!(mount_at(&report, "/m").propagation, [peers.as_str()], "{root}");
        assert!(mount_at(&report, "/m").has("ro"), "{root}");
        assert!(!mount_at(&report, "/private").propagation.contains(&peers), "{root}");
    }
}

/// The image has a link to the place of a shared bind, and another mount is asked for at the link: nothing comes to the host.
#[test]
fn a_link_of_the_image_leads_no_mount_into_a_shared_bind() {
    needs_root!("it mounts the source");
    runc_deviates!("the mount comes to the host and stays there");
    let mut bundle = Bundle::new("ledaway");
    let source = source(&bundle);
    bundle.mount_tmpfs(&source, MsFlags::empty(), "size=64k");
    mount(None::<&str>, &source, None::<&str>, MsFlags::MS_SHARED, None::<&str>).expect("shared");
    fs::create_dir(source.join("victim")).expect("a directory");
    let bundle = bundle.config(|c| {
        c.set("/linux/rootfsPropagation", "rshared");
        c.bind(text(&source), "/m", &["rbind", "rshared"]);
        c.mount("cover", "/link/victim", "tmpfs", &[]);
    });
    std::os::unix::fs::symlink("/m", bundle.rootfs("link")).expect("a link");
    bundle.run();
    let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    assert!(!table.contains(text(&source.join("victim"))), "{table}");
}

/// `shared:N` of what is mounted at a path of this host.
fn peer_group(path: &Path) -> String {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let line =
        table.lines().find(|line| line.split(' ').nth(4) == Some(text(path))).expect("a mount");
    line.split(' ').find(|field| field.starts_with("shared:")).expect("a peer group").to_owned()
}

#[test]
fn a_mount_of_the_container_does_not_come_to_the_host() {
    let (bundle, source) = bound(&[]);
    let bundle = bundle.config(|c| c.mount("tmpfs", "/m/inner", "tmpfs", &[]));
    assert!(bundle.report().mount("/m/inner").is_some());
    let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    assert!(!table.contains(text(&source.join("inner"))));
}

#[test]
fn a_missing_source_is_refused() {
    let bundle = Bundle::new("nosource").config(|c| c.bind("/none/such", "/m", &[]));
    bundle.run().refused(&["/none/such"]);
    bundle.assert_nothing_left();
}
