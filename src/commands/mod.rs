//! One file per command: its flags, and what it asks of the library.

mod create;
mod delete;
mod events;
mod exec;
mod features;
mod kill;
mod list;
mod matching;
mod one_container;
mod pause;
mod plan;
mod ps;
mod run;
mod spec;
mod start;
mod state;
mod stdin;
mod unbuilt;
mod update;

use libcontainer::{Container, Runtime, spec::check_id};

use crate::{cli::Globals, failure::Failure, report::Report, root};
use one_container::OneContainer;
pub(crate) use unbuilt::Unbuilt;

/// A command with its settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Create(create::CreateArgs),
    Delete(delete::DeleteArgs),
    Events(events::EventsArgs),
    Exec(exec::ExecArgs),
    Features(features::FeaturesArgs),
    Kill(kill::KillArgs),
    List(list::ListArgs),
    Pause(OneContainer),
    Plan(plan::PlanArgs),
    Ps(ps::PsArgs),
    Resume(OneContainer),
    Run(run::RunArgs),
    Spec(spec::SpecArgs),
    Start(OneContainer),
    State(OneContainer),
    Unbuilt(Unbuilt),
    Update(Box<update::UpdateArgs>),
}

/// Runs the command and returns the exit code. Those that take pages of stack are never inlined here, where `run` would touch
/// them too.
pub(crate) fn run(
    command: Command,
    globals: &Globals,
    report: &mut Report,
) -> Result<i32, Failure> {
    let runtime = Runtime::new(root::directory(globals.root.as_deref())?);
    report.debug(|| format!("{command:?}, state in {}", runtime.root().display()));
    match command {
        Command::Create(args) => create::run(args, globals, &runtime),
        Command::Delete(args) => delete::run(&args, &runtime, report),
        Command::Events(args) => events::run(&args, &runtime),
        Command::Exec(args) => exec::run(args, &runtime, report),
        Command::Features(_) => features::run(),
        Command::Kill(args) => kill::run(&args, &runtime, report),
        Command::List(args) => list::run(&args, &runtime),
        Command::Pause(args) => pause::pause(&args, &runtime),
        Command::Plan(args) => plan::run(args, globals, &runtime),
        Command::Ps(args) => ps::run(&args, &runtime),
        Command::Resume(args) => pause::resume(&args, &runtime),
        Command::Run(args) => run::run(args, globals, &runtime),
        Command::Spec(args) => spec::run(&args),
        Command::Start(args) => start::run(&args, &runtime),
        Command::State(args) => state::run(&args, &runtime),
        Command::Unbuilt(command) => Err(command.refusal()),
        Command::Update(args) => update::run(&args, &runtime),
    }
}

/// Finds an existing container. An id is checked before it becomes part of a path.
fn find(runtime: &Runtime, id: &str) -> Result<Container, Failure> {
    check_id(id)?;
    Ok(runtime.load(id)?)
}
