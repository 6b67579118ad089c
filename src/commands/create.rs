//! `creel create`: everything but the start of the container's program.

use std::path::PathBuf;

use clap::Args;
use libcontainer::{Config, CreateOptions, Runtime, spec::check_id};

use crate::{
    cli::{Globals, Quick, Value},
    environment,
    failure::Failure,
    global::{CgroupManager, cgroup_manager, rootless},
};

/// The flags that `create` and `run` share.
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub(crate) struct CreateFlags {
    /// The bundle directory
    #[arg(long, short, value_name = "DIRECTORY", default_value = ".")]
    bundle: PathBuf,
    /// The configuration file, instead of the bundle's config.json
    #[arg(long, short = 'f', value_name = "FILE")]
    config: Option<PathBuf>,
    /// A unix socket that receives the master end of the console
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// A unix socket that receives a pidfd of the container's init
    #[arg(long, value_name = "SOCKET")]
    pidfd_socket: Option<PathBuf>,
    /// Write the pid of the container's init to this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Do not use pivot_root; for a root file system on a ramdisk
    #[arg(long)]
    no_pivot: bool,
    /// Stay in the caller's session keyring
    #[arg(long)]
    no_new_keyring: bool,
    /// Pass this many file descriptors on besides stdin, stdout, stderr and those of LISTEN_FDS
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u32,
}

/// For [`Quick`].
impl CreateFlags {
    pub(super) fn unset() -> Self {
        Self { bundle: ".".into(), ..Self::default() }
    }

    pub(super) fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"bundle" | b"b" => self.bundle = value.path()?,
            b"config" | b"f" => self.config = Some(value.path()?),
            b"console-socket" => self.console_socket = Some(value.path()?),
            b"pidfd-socket" => self.pidfd_socket = Some(value.path()?),
            b"pid-file" => self.pid_file = Some(value.path()?),
            b"no-pivot" => self.no_pivot = value.switch()?,
            b"no-new-keyring" => self.no_new_keyring = value.switch()?,
            b"preserve-fds" => self.preserve_fds = value.number()?,
            _ => return None,
        }
        Some(())
    }
}

impl CreateFlags {
    /// These, the global ones that a create obeys, and what a service manager asks for.
    pub(super) fn options(self, globals: &Globals) -> Result<CreateOptions, Failure> {
        let CreateFlags {
            bundle,
            config,
            console_socket,
            pidfd_socket,
            pid_file,
            no_pivot,
            no_new_keyring,
            preserve_fds,
        } = self;
        let manager = cgroup_manager(globals)?;
        let listening = environment::listening()?;
        Ok(CreateOptions {
            bundle,
            config: config.map_or(Config::Bundle, Config::File),
            pid_file,
            console_socket,
            pidfd_socket,
            no_pivot,
            no_new_keyring,
            preserve_fds,
            listen_fds: listening.count,
            listen_fd_names: listening.names,
            notify_socket: environment::notify_socket(),
            systemd_cgroup: manager == CgroupManager::Systemd,
            no_cgroups: manager == CgroupManager::Disabled,
            rootless: rootless(globals)?,
            ..CreateOptions::default()
        })
    }
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    flags: CreateFlags,
    /// The name of the new container
    #[arg(value_name = "container-id")]
    id: String,
}

impl Quick for CreateArgs {
    fn unset() -> Self {
        Self { flags: CreateFlags::unset(), id: String::new() }
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        self.flags.flag(name, value)
    }

    fn arguments(&mut self, arguments: Vec<String>) -> Option<()> {
        self.id = arguments.into_iter().next()?;
        Some(())
    }
}

pub(super) fn run(args: CreateArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    create(args, globals, runtime).map_err(|source| Failure::Create { source: Box::new(source) })
}

fn create(args: CreateArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    check_id(&args.id)?;
    runtime.create(&args.id, &args.flags.options(globals)?)?;
    Ok(0)
}
