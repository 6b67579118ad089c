//! Every word that config.md knows among the options of a mount, each with a mount of its own that shows it.

use std::fs;
use std::path::{Path, PathBuf};

use creel_probe::{Mount, Report};
use nix::mount::{MsFlags, mount};

use crate::harness::{Bundle, needs_root, runc_deviates};

/// A word that sets a flag, the word that clears it, and how the mount table shows it.
const FLAGS: [(&str, &str, &str); 7] = [
    ("ro", "rw", "ro"),
    ("nosuid", "suid", "nosuid"),
    ("nodev", "dev", "nodev"),
    ("noexec", "exec", "noexec"),
    ("noatime", "atime", "noatime"),
    ("nodiratime", "diratime", "nodiratime"),
    ("nosymfollow", "symfollow", "nosymfollow"),
];

/// Words for access times that take back another, and what is shown then: nothing is `strictatime`.
const TIMES: [(&str, &str, Option<&str>); 5] = [
    ("noatime", "relatime", Some("relatime")),
    ("noatime", "norelatime", None),
    ("noatime", "strictatime", None),
    ("strictatime", "nostrictatime", Some("relatime")),
    ("strictatime", "noatime", Some("noatime")),
];

/// The names of the targets: `/m0` and on.
fn target(number: usize) -> String {
    format!("/m{number}")
}

fn mounted(report: &Report, target: &str) -> Mount {
    report.mount(target).unwrap_or_else(|| panic!("no mount at {target}")).clone()
}

/// How access times are kept, as the mount table says it.
fn times(mount: &Mount) -> Option<&str> {
    ["relatime", "noatime"].into_iter().find(|mode| mount.has(mode))
}

/// The report of a container with a tmpfs for each list of words.
fn tmpfs_each(words: &[[&str; 2]]) -> Report {
    let bundle = Bundle::new("words").config(|c| {
        for (number, words) in words.iter().enumerate() {
            let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
            c.mount("tmpfs", &target(number), "tmpfs", &words);
        }
    });
    bundle.report()
}

#[test]
fn each_flag_is_set_by_its_word() {
    let report = tmpfs_each(&FLAGS.map(|(set, _, _)| [set, ""]));
    for (number, (set, _, shown)) in FLAGS.iter().enumerate() {
        assert!(mounted(&report, &target(number)).has(shown), "{set}");
    }
}

#[test]
fn each_flag_is_taken_back_by_its_other_word() {
    let report = tmpfs_each(&FLAGS.map(|(set, clear, _)| [set, clear]));
    for (number, (set, clear, shown)) in FLAGS.iter().enumerate() {
        assert!(!mounted(&report, &target(number)).has(shown), "{set},{clear}");
    }
}

#[test]
fn each_mode_of_access_times_takes_back_another() {
    let report = tmpfs_each(&TIMES.map(|(first, then, _)| [first, then]));
    for (number, (first, then, shown)) in TIMES.iter().enumerate() {
        let mount = mounted(&report, &target(number));
        assert_eq!(times(&mount), *shown, "{first},{then}: {:?}", mount.options);
    }
}

/// A directory with a tmpfs mounted below it, at `name/below`.
fn nested(bundle: &mut Bundle, name: &str, flags: MsFlags) -> PathBuf {
    let source = bundle.outside(name);
    let below = source.join("below");
    fs::create_dir(&below).expect("directory");
    bundle.mount_tmpfs(&below, flags, "size=64k");
    source
}

/// Binds sources, each with what is mounted below it, and an option; reports what the mount below then is.
fn below_each(bundle: Bundle, binds: &[(&Path, String)]) -> Vec<Mount> {
    let bundle = bundle.config(|c| {
        for (number, (source, word)) in binds.iter().enumerate() {
            let source = source.to_str().expect("UTF-8");
            c.mount(source, &target(number), "bind", &["rbind", word]);
        }
    });
    let report = bundle.report();
    (0..binds.len()).map(|number| mounted(&report, &(target(number) + "/below"))).collect()
}

#[test]
fn with_r_in_front_flags_reach_what_is_mounted_below() {
    needs_root!("it mounts something on the host");
    runc_deviates!("it has no rnosymfollow for kernels that have no nosymfollow in mount(2)");
    let mut bundle = Bundle::new("below");
    let plain = nested(&mut bundle, "plain", MsFlags::empty());
    let binds = FLAGS.map(|(set, _, _)| (plain.as_path(), format!("r{set}")));
    let mounts = below_each(bundle, &binds);
    for ((set, _, shown), mount) in FLAGS.iter().zip(mounts) {
        assert!(mount.has(shown), "r{set}: {:?}", mount.options);
    }
}

#[test]
fn with_r_in_front_flags_are_taken_from_what_is_mounted_below() {
    needs_root!("it mounts something on the host");
    runc_deviates!("it has no rsymfollow for kernels that have no nosymfollow in mount(2)");
    // MS_NOSYMFOLLOW, which nix does not name.
    let no_links = MsFlags::from_bits_retain(256);
    let restrictions = [
        MsFlags::MS_RDONLY,
        MsFlags::MS_NOSUID,
        MsFlags::MS_NODEV,
        MsFlags::MS_NOEXEC,
        MsFlags::MS_NOATIME,
        MsFlags::MS_NODIRATIME,
        no_links,
    ];
    let mut bundle = Bundle::new("belowclear");
    let all = restrictions.into_iter().fold(MsFlags::empty(), |all, flag| all | flag);
    let strict = nested(&mut bundle, "strict", all);
    let binds = FLAGS.map(|(_, clear, _)| (strict.as_path(), format!("r{clear}")));
    let mounts = below_each(bundle, &binds);
    for ((_, clear, shown), mount) in FLAGS.iter().zip(mounts) {
        assert!(!mount.has(shown), "r{clear}: {:?}", mount.options);
    }
}

#[test]
fn with_r_in_front_modes_of_access_times_reach_what_is_mounted_below() {
    needs_root!("it mounts something on the host");
    let mut bundle = Bundle::new("belowtimes");
    let noatime = nested(&mut bundle, "noatime", MsFlags::MS_NOATIME);
    let strict = nested(&mut bundle, "strictatime", MsFlags::MS_STRICTATIME);
    let sources = TIMES.map(|(first, _, _)| if first == "noatime" { &noatime } else { &strict });
    let binds: Vec<(&Path, String)> = TIMES
        .iter()
        .zip(sources)
        .map(|((_, then, _), source)| (source.as_path(), format!("r{then}")))
        .collect();
    let mounts = below_each(bundle, &binds);
    for ((first, then, shown), mount) in TIMES.iter().zip(&mounts) {
        assert_eq!(times(mount), *shown, "{first},r{then}: {:?}", mount.options);
    }
}

/// What the mount table says of a mount's peers, without their numbers.
fn peers(mount: &Mount) -> Vec<&str> {
    mount.propagation.iter().map(|field| field.split(':').next().unwrap_or(field)).collect()
}

/// Words, and the propagation of the mount and of the one below it. Both are shared on the host, so without a word
/// they are slaves of it.
const PROPAGATION: [(&[&str], &[&str], &[&str]); 8] = [
    (&["shared"], &["shared", "master"], &["master"]),
    (&["rshared"], &["shared", "master"], &["shared", "master"]),
    (&["shared", "slave"], &["master"], &["master"]),
    (&["rshared", "rslave"], &["master"], &["master"]),
    (&["private"], &[], &["master"]),
    (&["rprivate"], &[], &[]),
    (&["unbindable"], &["unbindable"], &["master"]),
    (&["runbindable"], &["unbindable"], &["unbindable"]),
];

#[test]
fn each_word_of_propagation_does_what_it_says() {
    needs_root!("it mounts something on the host");
    let mut bundle = Bundle::new("peers");
    let source = bundle.outside("shared");
    bundle.mount_tmpfs(&source, MsFlags::empty(), "size=64k");
    let below = source.join("below");
    fs::create_dir(&below).expect("directory");
    bundle.mount_tmpfs(&below, MsFlags::empty(), "size=64k");
    for at in [&source, &below] {
        let none: Option<&str> = None;
        mount(none, at, none, MsFlags::MS_SHARED, none).expect("shared");
    }
    let bundle = bundle.config(|c| {
        for (number, (words, _, _)) in PROPAGATION.iter().enumerate() {
            let words = [&["rbind"], *words].concat();
            c.mount(source.to_str().expect("UTF-8"), &target(number), "bind", &words);
        }
    });
    let report = bundle.report();
    for (number, (words, own, inner)) in PROPAGATION.iter().enumerate() {
        let found = mounted(&report, &target(number));
        assert_eq!(peers(&found), *own, "{words:?}");
        let found = mounted(&report, &(target(number) + "/below"));
        assert_eq!(peers(&found), *inner, "below {words:?}");
    }
}
