//! Before anything is timed: does everyone make the same container, and does what they say hold?
//! Numbers of a runtime that leaves out half of the work would be nonsense.

use std::process::{Command as Process, Output};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::Options;
use crate::bundle::Program;
use crate::container::{Command, Container};
use crate::error::{At, Error, chain};
use crate::operation::Operation;
use crate::runtime::{Kind, Runtime};
use crate::stage::Stage;
use crate::timer::Timer;

/// Those that are fit to be measured, and why the others are not. Only what creel is compared with
/// may be left out; anything else fails the whole bench.
pub(crate) fn check(
    stage: &Stage,
    runtimes: Vec<Runtime>,
    options: &Options,
    timer: &mut Timer,
) -> Result<(Vec<Runtime>, Vec<LeftOut>), Error> {
    let outside = namespaces()?;
    let mut floor = None;
    let (mut fit, mut left_out) = (Vec::new(), Vec::new());
    for runtime in runtimes {
        let result = check_one(stage, &runtime, options, timer, (&mut floor, &outside));
        match result {
            Ok(()) => fit.push(runtime),
            Err(error) if runtime.is_comparison() => {
                let reason = chain(&error);
                eprintln!("bench: {} is left out, it does not work here: {reason}", runtime.name);
                left_out.push(LeftOut { name: runtime.name, version: runtime.version, reason });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((fit, left_out))
}

/// A runtime that does not work on this machine.
#[derive(Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub name: String,
    pub version: Option<String>,
    pub reason: String,
}

fn check_one(
    stage: &Stage,
    runtime: &Runtime,
    options: &Options,
    timer: &mut Timer,
    (floor, outside): (&mut Option<Look>, &[String]),
) -> Result<(), Error> {
    if runtime.kind == Kind::Empty {
        return Ok(());
    }
    let look = Container::new(stage, runtime, Program::Look);
    let found = Look::parse(&output(&look.argv(Command::Run), 0)?);
    if let Some(what) = found.lacks(floor.as_ref(), outside) {
        return Err(Error::Unlike { runtime: runtime.name.clone(), what });
    }
    floor.get_or_insert(found);
    output(&Container::new(stage, runtime, Program::Code42).argv(Command::Run), 42)?;
    if options.operations.contains(&Operation::Devices) && runtime.kind == Kind::Oci {
        output(&Container::new(stage, runtime, Program::LookForDevices).argv(Command::Run), 42)?;
    }
    if options.operations.iter().any(|operation| *operation != Operation::Run) {
        check_running(stage, runtime, options, timer)?;
    }
    Ok(())
}

/// The commands that need a running container, as far as they are to be measured.
fn check_running(
    stage: &Stage,
    runtime: &Runtime,
    options: &Options,
    timer: &mut Timer,
) -> Result<(), Error> {
    let container = Container::new(stage, runtime, Program::Idle);
    let measured = |operation| options.operations.contains(&operation);
    // By the timer: the container keeps what it gets as stdout, a pipe would never end.
    timer.run(&container.argv(Command::Create))?;
    let pid = container.pid()?;
    timer.run(&container.argv(Command::Start))?;
    if measured(Operation::Exec) {
        output(&container.exec_argv(&["/bin/sh", "-c", "exit 7"]), 7)?;
    }
    if measured(Operation::State) {
        let text = output(&container.argv(Command::State), 0)?;
        if !says_running(runtime, &text, pid.as_raw()) {
            let what = format!("state of a running container is {text:?}");
            return Err(Error::Unlike { runtime: runtime.name.clone(), what });
        }
    }
    if measured(Operation::List) {
        let text = output(&container.argv(Command::List), 0)?;
        if !text.contains(&container.id()) {
            let what = format!("list has no {}: {text:?}", container.id());
            return Err(Error::Unlike { runtime: runtime.name.clone(), what });
        }
    }
    if measured(Operation::Kill) {
        output(&container.argv(Command::Kill), 0)?;
    }
    timer.run(&container.argv(Command::DeleteForce))?;
    container.wait_for_end(pid)?;
    container.check_gone()
}

fn says_running(runtime: &Runtime, text: &str, pid: i32) -> bool {
    if runtime.kind == Kind::Floor {
        return text == "running\n";
    }
    let state: Value = serde_json::from_str(text).unwrap_or_default();
    state["status"] == "running" && state["pid"] == pid
}

/// Runs a command that has to end with `expected`, and gives what it printed.
pub(crate) fn output(argv: &[String], expected: i32) -> Result<String, Error> {
    let Output { status, stdout, stderr } = Process::new(&argv[0])
        .args(&argv[1..])
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .at("run", &argv[0])?;
    let code = status.code().unwrap_or(-1);
    if code != expected {
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        return Err(Error::Ended { command: argv.join(" "), expected, code, stderr });
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

/// The links of the six namespaces that the bundle makes new, as they are out here.
fn namespaces() -> Result<Vec<String>, Error> {
    ["mnt", "pid", "net", "ipc", "uts", "cgroup"]
        .into_iter()
        .map(|name| {
            let path = format!("/proc/self/ns/{name}");
            Ok(std::fs::read_link(&path).at("read", path)?.to_string_lossy().into_owned())
        })
        .collect()
}

/// What a program sees in the container.
struct Look {
    /// Mount point, and whether it is read-only.
    mounts: Vec<(String, bool)>,
    devices: Vec<String>,
    namespaces: Vec<String>,
}

impl Look {
    /// The output of [`Program::Look`]: mountinfo, the names in /dev, the namespaces' links.
    fn parse(text: &str) -> Self {
        let mut look = Self { mounts: vec![], devices: vec![], namespaces: vec![] };
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                // proc(5): id, parent, device, root, mount point, options ...
                [_, _, _, _, point, options, ..] => {
                    let readonly = options.split(',').any(|option| option == "ro");
                    look.mounts.push((point.to_owned(), readonly));
                }
                _ if line.contains(":[") => look.namespaces.push(line.to_owned()),
                _ => look.devices.push(line.to_owned()),
            }
        }
        look
    }

    /// What is missing of the floor's container, and which namespace is not new.
    fn lacks(&self, floor: Option<&Self>, outside: &[String]) -> Option<String> {
        if self.namespaces.len() != outside.len() {
            return Some(format!("its namespaces are {:?}", self.namespaces));
        }
        if let Some(shared) = self.namespaces.iter().find(|ns| outside.contains(ns)) {
            return Some(format!("{shared} is the host's"));
        }
        let floor = floor?;
        for (point, readonly) in &floor.mounts {
            let mounted = self.mounts.iter().any(|(p, ro)| p == point && (*ro || !readonly));
            if !mounted {
                let how = if *readonly { ", read-only," } else { "" };
                return Some(format!("no mount{how} at {point}"));
            }
        }
        let missing = floor.devices.iter().find(|name| !self.devices.contains(name));
        missing.map(|name| format!("no /dev/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: &str = "67 49 0:39 /b / ro,relatime - tmpfs t rw\n\
        68 67 0:41 / /proc rw,relatime - proc proc rw\n\
        null\nzero\nmnt:[1]\npid:[2]\n";
    const OUTSIDE: [&str; 2] = ["mnt:[8]", "pid:[9]"];

    fn lacks(text: &str) -> Option<String> {
        Look::parse(text).lacks(Some(&Look::parse(FLOOR)), &OUTSIDE.map(str::to_owned))
    }

    #[test]
    fn the_same_and_more_is_like_it() {
        assert_eq!(lacks(FLOOR), None);
        assert_eq!(lacks(&format!("{FLOOR}core\n70 67 0:1 / /sys ro - sysfs s rw\n")), None);
    }

    #[test]
    fn what_is_less_is_named() {
        assert_eq!(lacks(&FLOOR.replace("ro,", "rw,")).unwrap(), "no mount, read-only, at /");
        assert_eq!(lacks(&FLOOR.replace("/proc", "/elsewhere")).unwrap(), "no mount at /proc");
        assert_eq!(lacks(&FLOOR.replace("zero\n", "")).unwrap(), "no /dev/zero");
        assert_eq!(lacks(&FLOOR.replace("[2]", "[9]")).unwrap(), "pid:[9] is the host's");
        assert!(lacks(&FLOOR.replace("pid:[2]\n", "")).unwrap().contains("its namespaces are"));
    }
}
