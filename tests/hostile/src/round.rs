//! One round: a root file system, a configuration, and what is done with them.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::Value;

use crate::command::{self, Outcome};
use crate::configuration::{Configuration, VOLUMES};
use crate::inside;
use crate::names;
use crate::random::Random;
use crate::swap::Swap;
use crate::tree::Tree;
use crate::watch::World;
use crate::world::PROGRAM;

const ROUND: &str = "/scratch/round";
const BUNDLE: &str = "/scratch/round/bundle";
const CONSOLE: &str = "/scratch/round/io/console";
const ID: &str = "hostile";

/// What is done with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// `create`, `start`, `exec`, `kill`.
    Live,
    /// `create` and no more.
    Create,
    /// `run`, to its end.
    Run,
    /// The runtime is killed on the way.
    Killed,
}

/// What came of a round.
pub(crate) struct Report {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) faults: Vec<String>,
    pub(crate) was_made: bool,
    pub(crate) was_killed: bool,
    pub(crate) was_raced: bool,
    /// For who wants to see what was found.
    pub(crate) tree: Tree,
    pub(crate) configuration: Value,
}

/// Everything in it follows from the seed, but who wins a race.
pub(crate) fn carry_out(seed: u64, cgroup: &str) -> io::Result<Report> {
    let mut random = Random::new(seed);
    let tree = Tree::arbitrary(&mut random);
    let configuration = Configuration::arbitrary(&mut random, &format!("/{cgroup}/{ID}"));
    let deed = [Deed::Live, Deed::Live, Deed::Live, Deed::Create, Deed::Run, Deed::Killed]
        [random.below(6)];
    let is_raced = random.percent(40);

    lay_out(&tree, &configuration)?;
    let _console = UnixListener::bind(CONSOLE)?;
    let before = World::now(cgroup)?;
    let bundle = files_of_bundle()?;
    let swap = if is_raced {
        Swap::start(&tree, &Path::new(BUNDLE).join("rootfs"), &mut random)
    } else {
        None
    };
    let mut round = Round {
        configuration: &configuration,
        outcomes: Vec::new(),
        faults: Vec::new(),
        was_made: false,
    };
    round.act(deed, is_raced, &mut random)?;
    drop(swap);
    let deleted = round.run(&["delete", "--force", ID])?;
    if !deleted {
        round.faults.push("delete --force failed".to_owned());
    }
    let Round { outcomes, mut faults, was_made, .. } = round;
    faults.extend(outcomes.iter().flat_map(Outcome::faults));
    faults.extend(before.differences(cgroup)?);
    let left = fs::read_dir("/scratch/round/state")?.flatten().map(|entry| entry.path());
    faults.extend(left.map(|path| format!("left in the state root: {}", path.display())));
    if files_of_bundle()? != bundle {
        faults.push("the bundle changed".to_owned());
    }
    let configuration = configuration.json;
    let was_killed = deed == Deed::Killed;
    Ok(Report { outcomes, faults, was_made, was_killed, was_raced: is_raced, tree, configuration })
}

struct Round<'a> {
    configuration: &'a Configuration,
    outcomes: Vec<Outcome>,
    faults: Vec<String>,
    was_made: bool,
}

impl Round<'_> {
    fn act(&mut self, deed: Deed, is_raced: bool, random: &mut Random) -> io::Result<()> {
        let mut words = vec![if deed == Deed::Run { "run" } else { "create" }, "--bundle", BUNDLE];
        if self.configuration.no_pivot {
            words.push("--no-pivot");
        }
        if self.configuration.has_terminal {
            words.extend(["--console-socket", CONSOLE]);
        }
        if deed == Deed::Run {
            words.push("--detach");
        }
        words.push(ID);
        if deed == Deed::Killed {
            let mut child = command::start(&words)?;
            std::thread::sleep(Duration::from_micros(random.below(20_000) as u64));
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        self.was_made = self.run(&words)?;
        if !self.was_made {
            return Ok(());
        }
        self.look_inside(is_raced)?;
        if deed == Deed::Create || (deed == Deed::Live && !self.run(&["start", ID])?) {
            return Ok(());
        }
        for _ in 0..random.below(3) {
            let cwd = names::path(random);
            let user = random.one_of(&["0", "1000:1000", "65534"]);
            match random.below(4) {
                0 => self.run(&["exec", ID, "/bin/busybox", "true"])?,
                1 => {
                    self.run(&["exec", "--cwd", &cwd, "--user", user, ID, "/bin/busybox", "true"])?
                }
                2 => self.run(&["exec", ID, &cwd])?,
                _ => self.run(&["exec", "--detach", ID, "busybox", "sleep", "0.01"])?,
            };
        }
        if random.percent(30) {
            self.run(&["kill", ID, "KILL"])?;
        }
        Ok(())
    }

    fn run(&mut self, words: &[&str]) -> io::Result<bool> {
        let outcome = command::run(words)?;
        let is_success = outcome.is_success();
        self.outcomes.push(outcome);
        Ok(is_success)
    }

    /// Not where the old root stays in sight.
    fn look_inside(&mut self, is_raced: bool) -> io::Result<()> {
        let state = fs::read("/scratch/round/state/hostile/state.json")?;
        let state: Value = serde_json::from_slice(&state)?;
        if let (Some(pid), false) = (state["init"]["pid"].as_i64(), self.configuration.no_pivot) {
            self.faults.extend(inside::faults(pid, &self.configuration.json, is_raced)?);
        }
        Ok(())
    }
}

/// Makes the round's directory anew.
fn lay_out(tree: &Tree, configuration: &Configuration) -> io::Result<()> {
    let round = Path::new(ROUND);
    if round.exists() {
        fs::remove_dir_all(round)?;
    }
    for directory in ["bundle/rootfs", "attic/inner", "io", "state", "volumes/dir/dir"] {
        fs::create_dir_all(round.join(directory))?;
    }
    fs::set_permissions(round.join("state"), fs::Permissions::from_mode(0o700))?;
    let volumes = Path::new(VOLUMES);
    fs::write(volumes.join("file"), "volume\n")?;
    fs::write(volumes.join("dir/file"), "volume\n")?;
    mkfifo(&volumes.join("fifo"), Mode::from_bits_truncate(0o666))?;
    symlink("dir", volumes.join("link"))?;
    fs::write(round.join("bundle/config.json"), serde_json::to_vec_pretty(&configuration.json)?)?;
    tree.grow(&round.join("bundle/rootfs"), Path::new(PROGRAM))
}

/// The bundle without the root file system.
fn files_of_bundle() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(BUNDLE)? {
        let entry = entry?;
        let is_file = entry.file_type()?.is_file();
        let content = if is_file { fs::read(entry.path())? } else { Vec::new() };
        found.push((entry.file_name().to_string_lossy().into_owned(), content));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Kind;

    /// What a seed stands for, without doing it.
    fn made_up(seed: u64) -> (Tree, Configuration) {
        let mut random = Random::new(seed);
        (Tree::arbitrary(&mut random), Configuration::arbitrary(&mut random, "/c"))
    }

    #[test]
    fn a_seed_stands_for_one_round() {
        for seed in 0..50 {
            assert!(made_up(seed) == made_up(seed), "{seed}");
            assert!(made_up(seed) != made_up(seed + 1), "{seed}");
        }
    }

    /// No link, node or mount may be made by a name that leads through another entry, nor twice.
    #[test]
    fn entries_are_below_directories_and_made_once() {
        for seed in 0..2000 {
            let (tree, _) = made_up(seed);
            let mut directories: Vec<&[u8]> = vec![b""];
            let mut names: Vec<&[u8]> = Vec::new();
            for (name, kind) in &tree.entries {
                let name = name.strip_prefix(b"/").unwrap_or(name);
                let end = name.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
                assert!(directories.contains(&&name[..end]), "{seed}: {}", name.escape_ascii());
                assert!(!names.contains(&name), "{seed}: {}", name.escape_ascii());
                names.push(name);
                if matches!(kind, Kind::Directory(_)) {
                    directories.push(name);
                }
            }
        }
    }

    /// Real devices are never in reach: only those that do no harm, and numbers that no driver has.
    #[test]
    fn devices_are_harmless() {
        let is_harmless =
            |major: u64, minor: u64| (major == 1 && [3, 5, 7].contains(&minor)) || major == 240;
        for seed in 0..2000 {
            let (tree, configuration) = made_up(seed);
            for (_, kind) in &tree.entries {
                match kind {
                    Kind::Character(major, minor) => {
                        assert!(is_harmless(*major, *minor), "{kind:?}")
                    }
                    Kind::Block(_)
                    | Kind::Directory(_)
                    | Kind::Deep(_)
                    | Kind::File(_)
                    | Kind::Sparse(_)
                    | Kind::Link(_)
                    | Kind::Fifo
                    | Kind::Socket
                    | Kind::Program => {}
                }
            }
            for device in configuration.json["linux"]["devices"].as_array().into_iter().flatten() {
                let number = |name: &str| device[name].as_u64().unwrap_or(240);
                assert!(is_harmless(number("major"), number("minor")), "{device}");
            }
        }
    }
}
