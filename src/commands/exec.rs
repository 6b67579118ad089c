//! `creel exec`: a further process in a running container.

use std::path::{Path, PathBuf};

use clap::Args;
use libcontainer::{ExecOptions, ExecProcess, ProcessOverrides, Runtime, spec};

use super::{find, stdin};
use crate::{
    cli::{Quick, Value},
    failure::Failure,
    report::Report,
    sys,
};

#[derive(Args, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExecArgs {
    /// A unix socket that receives the master end of the console
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// A unix socket that receives a pidfd of the process
    #[arg(long, value_name = "SOCKET")]
    pidfd_socket: Option<PathBuf>,
    /// The working directory in the container
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<PathBuf>,
    /// Set an environment variable; may be given several times
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Give the process a terminal
    #[arg(long, short)]
    tty: bool,
    /// Run as this user, given by numbers
    #[arg(long, short, value_name = "UID[:GID]")]
    user: Option<String>,
    /// Add an additional gid; may be given several times
    #[arg(long, short = 'g', value_name = "GID")]
    additional_gids: Vec<u32>,
    /// A file with the whole process object, or - for stdin; the other settings do not count then
    #[arg(long, short, value_name = "FILE")]
    process: Option<PathBuf>,
    /// Return once the process runs
    #[arg(long, short)]
    detach: bool,
    /// Write the pid of the process to this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// The SELinux label of the process
    #[arg(long, value_name = "LABEL")]
    process_label: Option<String>,
    /// The AppArmor profile of the process
    #[arg(long, value_name = "PROFILE")]
    apparmor: Option<String>,
    /// Let the process gain no privileges
    #[arg(long)]
    no_new_privs: bool,
    /// Add a capability; may be given several times
    #[arg(long, short, value_name = "CAPABILITY")]
    cap: Vec<String>,
    /// Pass this many file descriptors on besides stdin, stdout and stderr
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u32,
    /// Run in a cgroup below the container's
    #[arg(long, value_name = "[CONTROLLER:]CGROUP")]
    cgroup: Vec<String>,
    /// Go ahead although the container is paused
    #[arg(long)]
    ignore_paused: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
    /// The program to run and its arguments
    #[arg(value_name = "command", trailing_var_arg = true)]
    command: Vec<String>,
}

impl Quick for ExecArgs {
    fn unset() -> Self {
        Self::default()
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"console-socket" => self.console_socket = Some(value.path()?),
            b"cwd" => self.cwd = Some(value.path()?),
            b"env" | b"e" => self.env.push(value.text()?),
            b"tty" | b"t" => self.tty = value.switch()?,
            b"user" | b"u" => self.user = Some(value.text()?),
            b"process" | b"p" => self.process = Some(value.path()?),
            b"detach" | b"d" => self.detach = value.switch()?,
            b"pid-file" => self.pid_file = Some(value.path()?),
            b"preserve-fds" => self.preserve_fds = value.number()?,
            _ => return None,
        }
        Some(())
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        let mut arguments = arguments.into_iter();
        self.id = arguments.next()?;
        self.command.extend(arguments);
        Some(())
    }
}

pub(super) fn run(args: ExecArgs, runtime: &Runtime, report: &mut Report) -> Result<i32, Failure> {
    exec(args, runtime, report).map_err(|source| Failure::Exec { source: Box::new(source) })
}

fn exec(args: ExecArgs, runtime: &Runtime, report: &mut Report) -> Result<i32, Failure> {
    let container = find(runtime, &args.id)?;
    let process = match &args.process {
        Some(file) => given(file.clone(), report)?,
        None => ExecProcess::Over(overrides(&args)?),
    };
    let ExecArgs {
        detach,
        pid_file,
        console_socket,
        pidfd_socket,
        preserve_fds,
        ignore_paused,
        ..
    } = args;
    let sub_cgroups = args.cgroup;
    let options = ExecOptions {
        pid_file,
        console_socket,
        pidfd_socket,
        preserve_fds,
        ignore_paused,
        sub_cgroups,
        when_quiet: Some(sys::give_back),
        ..ExecOptions::new(process)
    };
    if detach {
        container.exec(&options)?;
        return Ok(0);
    }
    Ok(container.exec_in_foreground(&options)?.code())
}

fn given(file: PathBuf, report: &mut Report) -> Result<ExecProcess, Failure> {
    let loaded = match file == Path::new("-") {
        true => stdin::read(spec::parse_process),
        false => spec::load_process(&file).map(|loaded| (loaded.process, loaded.warnings)),
    };
    let (process, warnings) = loaded.map_err(|source| Failure::ProcessFile { source })?;
    for warning in &warnings {
        report.warning(&warning.to_string());
    }
    spec::check_process(&process).map_err(|source| Failure::Process { file, source })?;
    Ok(ExecProcess::Given(Box::new(process)))
}

fn overrides(args: &ExecArgs) -> Result<ProcessOverrides, Failure> {
    if args.command.is_empty() {
        return Err(Failure::NoCommand);
    }
    Ok(ProcessOverrides {
        args: args.command.clone(),
        cwd: args.cwd.clone(),
        env: args.env.clone(),
        user: args.user.as_deref().map(user).transpose()?,
        additional_gids: args.additional_gids.clone(),
        caps: args.cap.clone(),
        no_new_privs: args.no_new_privs,
        tty: args.tty,
        process_label: args.process_label.clone(),
        apparmor: args.apparmor.clone(),
    })
}

/// Numbers only: the names are the container's business, and so is who reads its files. The last number is no id.
fn user(text: &str) -> Result<(u32, Option<u32>), Failure> {
    let read = match text.split_once(':') {
        Some((uid, gid)) => uid.parse().ok().zip(gid.parse().ok().map(Some)),
        None => text.parse().ok().map(|uid| (uid, None)),
    };
    let is_id = |(uid, gid): &(u32, Option<u32>)| *uid != u32::MAX && *gid != Some(u32::MAX);
    read.filter(is_id).ok_or_else(|| Failure::User { found: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_number_or_two() {
        assert_eq!(user("0").unwrap(), (0, None));
        assert_eq!(user("1000:100").unwrap(), (1000, Some(100)));
        for text in ["", "root", "1:", ":1", "1:2:3", "-1", "4294967295", "1:4294967295", "1:users"]
        {
            assert!(matches!(user(text), Err(Failure::User { .. })), "{text}");
        }
    }

    #[test]
    fn there_has_to_be_something_to_run() {
        assert!(matches!(overrides(&ExecArgs::default()), Err(Failure::NoCommand)));
    }
}
