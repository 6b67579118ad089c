//! Without openat2(2) paths are walked by descriptors: that has to lead to the same places, in any tree.

use std::fs;
use std::os::unix::fs::symlink;

use creel_probe::Report;
use serde_json::json;

use super::{Tally, rounds};
use crate::harness::{Bundle, Output, is_runc, needs_root, parse, probe, skip};

/// `openat2(2)`; the same number on every architecture.
const OPENAT2: &str = "437";

/// A sequence that is the same in every run with the same seed (xorshift64).
struct Random(u64);

impl Random {
    fn seeded() -> Random {
        let given = std::env::var("CREEL_TEST_SEED").ok();
        let seed = given.map_or(20_261_122, |text| text.parse().expect("CREEL_TEST_SEED"));
        println!("CREEL_TEST_SEED={seed}");
        Random(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    /// A path of some components, perhaps absolute, perhaps with dots and doubled or trailing slashes.
    fn path(&mut self) -> String {
        let words = [
            "a",
            "b",
            "c",
            "d",
            "a",
            "b",
            "..",
            ".",
            "..",
            "proc",
            "proc/self/fd/0",
            "proc/self/cwd",
            "no",
        ];
        let count = 1 + self.below(5);
        let parts: Vec<&str> = (0..count).map(|_| self.one_of(&words)).collect();
        let (begin, end) = (self.one_of(&["", "/", "/../"]), self.one_of(&["", "", "/", "/."]));
        format!("{begin}{}{end}", parts.join(self.one_of(&["/", "//"])))
    }
}

/// Directories, files and links named a to d, three levels deep, as it comes.
fn grow(random: &mut Random, directory: &std::path::Path, depth: usize) {
    for name in ["a", "b", "c", "d"] {
        let path = directory.join(name);
        match random.below(6) {
            0 | 1 if depth < 3 => {
                fs::create_dir(&path).expect("a directory");
                grow(random, &path, depth + 1);
            }
            0..=2 => fs::write(&path, "").expect("a file"),
            3 | 4 => symlink(random.path(), &path).expect("a link"),
            _ => {}
        }
    }
}

fn without(bundle: &Bundle) -> Output {
    let probe = probe().to_str().expect("UTF-8");
    let words = ["run", "-b", &bundle.bundle_path(), &bundle.id];
    bundle.wrapped(&[probe, "without", OPENAT2], &words).output()
}

/// What came of it: the mounts, or why there are none.
fn outcome(bundle: &Bundle, output: &Output) -> Result<Vec<(String, Vec<String>)>, String> {
    if output.code() != 0 {
        let text = output.stderr();
        let message = text.split_once("msg=").map_or(text.as_str(), |(_, message)| message);
        return Err(message.replace(&bundle.id, "ID"));
    }
    let report: Report = parse(output);
    Ok(report.mounts.into_iter().map(|mount| (mount.target, mount.options)).collect())
}

/// A tree of which everything that links lead to may be mounted on, masked or made.
fn hostile(random: &mut Random) -> Bundle {
    let bundle = Bundle::new("walk").config(|c| {
        let target = format!("/{}", random.path());
        c.set("/linux/readonlyPaths", json!([format!("/{}", random.path())]));
        match random.below(3) {
            0 => c.mount("tmpfs", &target, "tmpfs", &["ro"]),
            1 => c.bind("/etc/hostname", &target, &["bind", "ro"]),
            _ => c.set("/linux/maskedPaths", json!([target])),
        }
        c.set("/root/readonly", false);
    });
    grow(random, &bundle.rootfs(""), 0);
    bundle
}

/// Whether a target is the root by its text.
fn is_root(target: &str) -> bool {
    let mut depth = 0_usize;
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        depth = if part == ".." { depth.saturating_sub(1) } else { depth + 1 };
    }
    depth == 0
}

#[test]
fn without_openat2_paths_lead_to_the_same_places() {
    needs_root!("a filter without no_new_privs takes root, and newuidmap does not work with it");
    if is_runc() {
        skip!("this is creel's own fallback");
    }
    let mut random = Random::seeded();
    let (mut made, mut refused) = (0, 0);
    for round in 0..rounds() * 4 {
        let first_seed = random.0;
        let bundle = hostile(&mut random);
        let by_walk = outcome(&bundle, &without(&bundle));
        // What is mounted over the root itself can only be found by openat2(2): refused without it.
        let is_over_root = |error: &String| error.contains("function not implemented");
        if by_walk.as_ref().is_err_and(is_over_root) {
            let target = &bundle.config.0["mounts"][7]["destination"];
            let target = target.as_str().expect("a mount over the root");
            assert!(is_root(target), "{target} was refused: {by_walk:?}");
            continue;
        }
        // The same tree again: the first run may have made what was missing.
        drop(bundle);
        let mut again = Random(first_seed);
        let bundle = hostile(&mut again);
        let by_kernel = outcome(&bundle, &bundle.run());
        assert_eq!(by_walk, by_kernel, "round {round}: {:#}", bundle.config.0["mounts"]);
        made += u32::from(by_walk.is_ok());
        refused += u32::from(by_walk.is_err());
    }
    assert!(made > 5 && refused > 5, "{made} were made, {refused} refused: not a mixture");
}

#[test]
fn without_openat2_a_race_does_not_lead_out() {
    needs_root!("a filter without no_new_privs takes root, and newuidmap does not work with it");
    if is_runc() {
        skip!("this is creel's own fallback");
    }
    let bundle = Bundle::new("walkrace").dir("vol");
    let victim = bundle.outside("victim");
    fs::create_dir_all(victim.join("a")).expect("directories");
    let link = bundle.rootfs("vol.link");
    symlink(&victim, &link).expect("link");
    let bundle = bundle.config(|c| c.mount("attacked", "/vol/a/b", "tmpfs", &[]));
    let names = [bundle.rootfs("vol"), link];
    let mut tally = Tally::new(rounds());
    while let Some(round) = tally.next() {
        let swap = super::Swap::start(names[0].clone(), names[1].clone());
        let output = without(&bundle);
        drop(swap);
        tally.count(output.code() == 0);
        let below: Vec<_> = fs::read_dir(victim.join("a")).expect("victim").flatten().collect();
        assert!(below.is_empty(), "round {round}: made on the host: {below:?}");
    }
    tally.some_were_made();
}
