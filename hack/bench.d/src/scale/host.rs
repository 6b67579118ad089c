//! `run` of /bin/true, as the host has more mounts and more cgroups, and the container more devices.

use std::fs;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::{Value, json};

use crate::bundle::{self, Program};
use crate::container::{Command, Container};
use crate::error::{At, Error};
use crate::measure::Order;
use crate::stage::Stage;

use super::record::Subject;
use super::table::words;
use super::{Scene, fifths};

/// Each size comes twice, so that a busy moment of the machine does not make a step of its own.
const PASSES: usize = 2;
const ROUNDS: usize = 20;
const WARM_UP_ROUNDS: usize = 2;

const MOUNTS: &str = "mounts";
/// Linux gives block and character devices with this number to nobody on x86_64.
const MAJOR: u32 = 230;

pub(super) fn measure(scene: &mut Scene<'_>) -> Result<(), Error> {
    prepare_mounts(scene.stage)?;
    for subject in [Subject::RunByMounts, Subject::RunByCgroups, Subject::RunByDevices] {
        let highest = if subject == Subject::RunByDevices { 200 } else { 1000 };
        let sizes = fifths(0, highest);
        let (_, grows) = words(subject);
        for pass in 1..=PASSES {
            eprintln!("bench: run, 0 to {highest} {grows}, pass {pass} of {PASSES}");
            let mut before = 0;
            for &size in &sizes {
                grow(scene, subject, before, size)?;
                rounds(scene, subject, size)?;
                before = size;
            }
            clear(scene.stage, subject, before)?;
        }
    }
    Ok(())
}

fn rounds(scene: &mut Scene<'_>, subject: Subject, size: u32) -> Result<(), Error> {
    let mut order = Order::new(scene.runtimes.len());
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        for &i in order.next_round() {
            let container = match subject {
                Subject::RunByDevices => scene.container(i, Program::True, size),
                _ => Container::new(scene.stage, &scene.runtimes[i], Program::True),
            };
            let run = scene.time(&container, Command::Run)?;
            if round >= WARM_UP_ROUNDS {
                scene.curves.push(subject, i, size, run);
            }
        }
    }
    Ok(())
}

fn grow(scene: &Scene<'_>, subject: Subject, from: u32, to: u32) -> Result<(), Error> {
    match subject {
        Subject::RunByMounts => (from..to).try_for_each(|n| add_mount(scene.stage, n)),
        Subject::RunByCgroups => (from..to).try_for_each(|n| {
            let directory = scene.stage.cgroup_directory(&sibling(n));
            fs::create_dir(&directory).at("make cgroup", directory)
        }),
        _ => write_with_devices(scene, to),
    }
}

fn clear(stage: &Stage, subject: Subject, size: u32) -> Result<(), Error> {
    match subject {
        Subject::RunByMounts => {
            let directory = stage.file(MOUNTS);
            umount2(&directory, MntFlags::MNT_DETACH).at("unmount", directory)?;
            prepare_mounts(stage)
        }
        Subject::RunByCgroups => (0..size).try_for_each(|n| {
            let directory = stage.cgroup_directory(&sibling(n));
            fs::remove_dir(&directory).at("remove cgroup", directory)
        }),
        _ => Ok(()),
    }
}

/// The mounts are shared, as systemd makes those of a host; all below one, to be taken off at once.
fn prepare_mounts(stage: &Stage) -> Result<(), Error> {
    let directory = stage.file(MOUNTS);
    fs::create_dir_all(&directory).at("make", &directory)?;
    mount(Some("tmpfs"), &directory, Some("tmpfs"), MsFlags::empty(), None::<&str>)
        .at("mount", &directory)?;
    mount(None::<&str>, &directory, None::<&str>, MsFlags::MS_SHARED, None::<&str>)
        .at("make shared", directory)
}

fn add_mount(stage: &Stage, number: u32) -> Result<(), Error> {
    let directory = stage.file(MOUNTS).join(number.to_string());
    fs::create_dir(&directory).at("make", &directory)?;
    mount(Some(&directory), &directory, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .at("mount", directory)
}

fn sibling(number: u32) -> String {
    format!("sibling-{number}")
}

/// The floor's containers have no more devices than before: it does not read config.json.
fn write_with_devices(scene: &Scene<'_>, count: u32) -> Result<(), Error> {
    let mut config = bundle::config(scene.options)?;
    config["linux"]["devices"] = (0..count).map(node).collect();
    if let Some(rules) = config["linux"]["resources"]["devices"].as_array_mut() {
        rules.extend((0..count).map(rule));
    }
    for runtime in 0..scene.runtimes.len() {
        let container = scene.container(runtime, Program::True, count);
        bundle::write(scene.stage, &container, config.clone())?;
    }
    Ok(())
}

fn node(minor: u32) -> Value {
    json!({"path": format!("/dev/bench{minor}"), "type": "c", "major": MAJOR, "minor": minor, "fileMode": 0o600,
           "uid": 0, "gid": 0})
}

fn rule(minor: u32) -> Value {
    json!({"allow": true, "type": "c", "major": MAJOR, "minor": minor, "access": "rwm"})
}
