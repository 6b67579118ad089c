//! Every command with what its command line takes; the overview is made of it too.

use std::ffi::OsString;

use super::{
    Stop,
    flags::Order::{self, FlagsFirst, Mixed},
    read, read_quick,
    usage::Count::{self, AtLeast, Between, Exactly},
};
use crate::commands::{Command, Unbuilt};

/// How a command is called.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) count: Count,
    pub(super) order: Order,
    pub(super) parse: fn(&Entry, Vec<OsString>) -> Result<Command, Stop>,
}

const fn entry(
    name: &'static str,
    about: &'static str,
    count: Count,
    order: Order,
    parse: fn(&Entry, Vec<OsString>) -> Result<Command, Stop>,
) -> Entry {
    Entry { name, about, count, order, parse }
}

#[rustfmt::skip]
const COMMANDS: &[Entry] = &[
    entry("checkpoint", "Checkpoint a running container", Exactly(1), Mixed,
        |entry, argv| read(entry, argv).map(Unbuilt::Checkpoint).map(Command::Unbuilt)),
    entry("create", "Create a container", Exactly(1), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::Create)),
    entry("delete", "Delete a stopped container, with --force any", Exactly(1), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::Delete)),
    entry("events", "Show what happens to a container and what it uses", Exactly(1), Mixed,
        |entry, argv| read(entry, argv).map(Command::Events)),
    entry("exec", "Run a further process in a container", AtLeast(1), FlagsFirst,
        |entry, argv| read_quick(entry, argv).map(Command::Exec)),
    entry("features", "Show what this runtime can do, as JSON", Exactly(0), Mixed,
        |entry, argv| read(entry, argv).map(Command::Features)),
    entry("kill", "Send a signal (default: TERM) to a container's init", Between(1, 2), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::Kill)),
    entry("list", "List the containers of a root", Exactly(0), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::List)),
    entry("pause", "Freeze all processes of a container", Exactly(1), Mixed,
        |entry, argv| read(entry, argv).map(Command::Pause)),
    entry("plan", "Show what create would do, without doing it", Between(0, 1), Mixed,
        |entry, argv| read(entry, argv).map(Command::Plan)),
    entry("ps", "Show the processes of a container", AtLeast(1), FlagsFirst,
        |entry, argv| read(entry, argv).map(Command::Ps)),
    entry("restore", "Restore a container from a checkpoint", Exactly(1), Mixed,
        |entry, argv| read(entry, argv).map(Unbuilt::Restore).map(Command::Unbuilt)),
    entry("resume", "Thaw a paused container", Exactly(1), Mixed,
        |entry, argv| read(entry, argv).map(Command::Resume)),
    entry("run", "Create and start a container", Exactly(1), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::Run)),
    entry("spec", "Write a config.json to start from", Exactly(0), Mixed,
        |entry, argv| read(entry, argv).map(Command::Spec)),
    entry("start", "Start a created container", Exactly(1), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::Start)),
    entry("state", "Show the state of a container, as JSON", Exactly(1), Mixed,
        |entry, argv| read_quick(entry, argv).map(Command::State)),
    entry("update", "Change the resource limits of a container", Exactly(1), Mixed,
        |entry, argv| read(entry, argv).map(Box::new).map(Command::Update)),
];

/// The command of a name.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.name == name)
}

/// The help of the whole program; `globals` are its flags.
pub(super) fn overview(globals: clap::Command) -> String {
    let commands = COMMANDS.iter().map(|entry| clap::Command::new(entry.name).about(entry.about));
    globals.subcommands(commands).render_help().to_string()
}
