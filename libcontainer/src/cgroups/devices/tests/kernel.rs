//! The kernel asked itself: random rules as filters of a real cgroup, and a shell in it that makes and opens devices.
//!
//! Programs of this kind cannot be run for a test (`BPF_PROG_TEST_RUN`). The devices have numbers that no driver has, so
//! what the filter lets through fails with ENXIO.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use serde_json::json;

use super::{Filter, Question, Random, Rule, Writes, v1, verdict};
use crate::cgroups::tests::harness::{Cleanup, DEVICES, on_v1, on_v2, planned, unique};
use crate::cgroups::{Cgroup, Layout};

const MAJORS: [u32; 4] = [2999, 3000, 3001, 4095];
const MINORS: [u32; 6] = [0, 1, 255, 256, 4096, (1 << 20) - 1];

/// Opens each node that it was given for reading, for writing and for both, and makes the node that it is told to.
/// Whatever happens is one line.
const SHELL: &str = r#"
exec 2>&1
while read -r kind major minor new; do
    for node; do
        true <"$node" && echo opened
        true >"$node" && echo opened
        true <>"$node" && echo opened
    done
    if mknod "$new" "$kind" "$major" "$minor"; then echo made && rm "$new"; fi
done"#;

/// A node of every kind and number, in a directory that is gone with it.
struct Nodes {
    directory: PathBuf,
    all: Vec<(PathBuf, Question)>,
}

impl Nodes {
    fn make() -> Nodes {
        let directory = Path::new(DEVICES).join(unique());
        fs::create_dir(&directory).unwrap();
        let mut all = Vec::new();
        for block in [false, true] {
            for major in MAJORS {
                for minor in MINORS {
                    let path = directory.join(format!("{block}-{major}-{minor}"));
                    let kind = if block { SFlag::S_IFBLK } else { SFlag::S_IFCHR };
                    let device = makedev(major.into(), minor.into());
                    mknod(&path, kind, Mode::S_IRWXU, device).unwrap();
                    all.push((path, Question { block, major, minor, access: 0 }));
                }
            }
        }
        Nodes { directory, all }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct Shell {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Shell {
    fn start(nodes: &Nodes) -> Shell {
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, "sh"]).args(nodes.all.iter().map(|(path, _)| path));
        command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Shell { child, answers }
    }

    fn tell(&mut self, made: Question, new: &Path) {
        let kind = if made.block { 'b' } else { 'c' };
        let line = format!("{kind} {} {} {}\n", made.major, made.minor, new.display());
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// Whether the filter let the next one through.
    fn was_allowed(&mut self) -> bool {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        match line.trim_end() {
            "made" => true,
            line if line.ends_with("No such device or address") => true,
            line if line.ends_with("Operation not permitted") => false,
            other => panic!("{other:?}"),
        }
    }
}

/// Sets random rules by `set`, which says whether they can be expressed, and asks the kernel.
fn compare(layout: &Layout, accesses: &[u8], set: impl Fn(&Cgroup, &[Rule]) -> bool) {
    let count = std::env::var("CREEL_TEST_DEVICE_FILTERS");
    let count = count.map_or(40, |count| count.parse::<usize>().unwrap());
    let all = json!({"devices": [{"allow": true, "access": "rwm"}]});
    let plan = planned(layout, &unique(), all);
    let _cleanup = Cleanup(plan.clone());
    let cgroup = Cgroup::create(&plan).unwrap();
    let nodes = Nodes::make();
    let mut shell = Shell::start(&nodes);
    cgroup.enter(shell.child.id() as i32).unwrap();

    let mut random = Random(0x6a09_e667_f3bc_c909);
    let (mut verdicts, mut round) = ([0, 0], 0);
    while round < count {
        let rules = random.rules_about(&MAJORS[1..], &MINORS);
        if !set(&cgroup, &rules) {
            continue;
        }
        let mut check = |question: Question, is_allowed: bool| {
            if accesses.contains(&question.access) {
                assert_eq!(is_allowed, verdict(&rules, question), "{rules:?} {question:?}");
                verdicts[usize::from(is_allowed)] += 1;
            }
        };
        let (_, made) = nodes.all[round % nodes.all.len()];
        shell.tell(made, &nodes.directory.join("new"));
        for (_, question) in &nodes.all {
            for access in [2, 4, 6] {
                check(Question { access, ..*question }, shell.was_allowed());
            }
        }
        check(Question { access: 1, ..made }, shell.was_allowed());
        round += 1;
    }
    drop(shell.child.stdin.take());
    assert!(shell.child.wait().unwrap().success());
    assert!(verdicts.iter().all(|number| *number > 10 * count), "{verdicts:?}");
}

/// `CREEL_TEST_DEVICE_FILTERS=N` for more filters than usual.
#[test]
fn the_kernel_says_what_the_rules_say() {
    on_v2(|layout| {
        // As an update does it, from each filter to the next in one step.
        compare(layout, &[1, 2, 4, 6], |cgroup, rules| {
            cgroup.replace_filter(Filter::new(rules).unwrap().as_ref()).unwrap();
            true
        });
    });
}

/// Of version 1 only what it can express, and an access at a time: it wants one exception to allow all of it.
#[test]
fn the_kernel_says_what_the_rules_say_on_version_1() {
    on_v1(|layout| {
        compare(layout, &[1, 2, 4], |cgroup, rules| {
            let mut writes = Writes::default();
            if v1::plan(rules, &mut writes).is_err() {
                return false;
            }
            let directory = cgroup.controller("devices").unwrap();
            for write in writes.of_v2() {
                directory.write(&write.file, &write.value).unwrap();
            }
            true
        });
    });
}
