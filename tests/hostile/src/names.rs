//! The places in a root file system that a runtime touches, and paths that lead to them, past them and out.

use crate::random::Random;

/// Where links would like to lead: what nobody may touch, with the same names in it as in a root file system.
pub(crate) const CANARY: &str = "/scratch/canary";

/// A directory comes before what is in it.
pub(crate) const PLACES: &[&str] = &[
    "proc",
    "proc/self",
    "proc/self/attr",
    "proc/sys",
    "proc/bus",
    "proc/kcore",
    "sys",
    "sys/fs",
    "sys/fs/cgroup",
    "sys/firmware",
    "dev",
    "dev/null",
    "dev/zero",
    "dev/full",
    "dev/random",
    "dev/tty",
    "dev/console",
    "dev/ptmx",
    "dev/pts",
    "dev/pts/0",
    "dev/pts/ptmx",
    "dev/shm",
    "dev/mqueue",
    "dev/fd",
    "dev/stdin",
    "dev/stdout",
    "dev/core",
    "dev/fake",
    "etc",
    "etc/passwd",
    "etc/group",
    "etc/hosts",
    "etc/resolv.conf",
    "mnt",
    "mnt/a",
    "mnt/a/b",
    "mnt/a/b/c",
    "mnt/file",
    "work",
    "work/dir",
    "mask",
    "mask/file",
    "mask/dir",
    "ro",
    "ro/file",
    "ro/dir",
    "tmp",
    "tmp/x",
    "run",
    "run/notify",
    "bin",
    "bin/sh",
    "usr",
    "usr/bin",
    "var",
    "var/run",
];

/// Places of a root file system that are files.
pub(crate) fn is_file(place: &str) -> bool {
    let last = place.rsplit('/').next().unwrap_or(place);
    let files = [
        "null",
        "zero",
        "full",
        "random",
        "tty",
        "console",
        "ptmx",
        "0",
        "core",
        "fake",
        "passwd",
        "group",
        "hosts",
        "resolv.conf",
        "file",
        "kcore",
        "stdin",
        "stdout",
        "sh",
    ];
    files.contains(&last)
}

/// The text of a link.
pub(crate) fn link(random: &mut Random) -> Vec<u8> {
    let place = random.one_of(PLACES);
    let up = "../".repeat(1 + random.below(12));
    let text = match random.below(18) {
        0..=2 => format!("{CANARY}/{place}"),
        3 => format!("{up}{}/{place}", &CANARY[1..]),
        4 => CANARY.to_owned(),
        5 => "/".to_owned(),
        6 => format!("/{place}"),
        7 => format!("{up}{place}"),
        8 => format!("/proc/self/root{CANARY}/{place}"),
        9 => format!(
            "/proc/{}/{up}{place}",
            random.one_of(&["1/root", "self/cwd", "thread-self/root"])
        ),
        10 => format!("/proc/self/fd/{}", random.below(12)),
        11 => format!(
            "/proc/self/{}",
            random.one_of(&["exe", "attr/exec", "mem", "ns/mnt", "fd", "cwd"])
        ),
        12 => "no/such/place".to_owned(),
        13 => place.rsplit('/').next().unwrap_or(place).to_owned(),
        14 => format!("{}{place}", "./".repeat(random.below(2000))),
        15 => "x".repeat(200 + random.below(100)),
        16 => format!("{place}/../{up}{place}/."),
        _ => {
            let texts: [&[u8]; 5] = [b"\xff\xfe", b"\n", b" ", b"a\\040b", b"\x1b[31m"];
            return random.one_of(&texts).to_vec();
        }
    };
    text.into_bytes()
}

/// The name of something that nobody asked for.
pub(crate) fn odd_name(random: &mut Random) -> Vec<u8> {
    let long = "n".repeat(255);
    let names: [&[u8]; 9] = [
        b"\xff\xfe\x80",
        b"a b",
        b"new\nline",
        b"tab\t",
        b"\\040",
        b"...",
        b"-rf",
        b"\xc3\xa9",
        long.as_bytes(),
    ];
    random.one_of(&names).to_vec()
}

/// A path as a configuration may have it, absolute for the most part.
pub(crate) fn path(random: &mut Random) -> String {
    let place = random.one_of(PLACES);
    let other = random.one_of(PLACES);
    match random.below(14) {
        0..=6 => format!("/{place}"),
        7 => format!("/{place}/{other}"),
        8 => format!("/{place}/../{other}"),
        9 => format!("/{}{}/{other}", "../".repeat(random.below(8)), &CANARY[1..]),
        10 => format!("//{place}/./{}/", random.one_of(&["a", "..", "new", "."])),
        11 => format!("/{place}/{}", "d/".repeat(1 + random.below(40))),
        12 => random
            .one_of(&["/", "/.", "/..", "/proc/self/root", "/proc/self/fd/3", "/é\n\u{1b}x"])
            .to_owned(),
        _ => format!("/new{}/{}", random.below(3), "n".repeat(1 + random.below(255))),
    }
}
