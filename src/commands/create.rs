//! `creel create`: everything but the start of the container's program.

use std::path::PathBuf;

use clap::Args;
use libcontainer::{CreateOptions, Runtime, spec::check_id};

use crate::{cli::Globals, failure::Failure};

/// The flags that `create` and `run` share.
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub(crate) struct CreateFlags {
    /// The bundle directory
    #[arg(long, short, value_name = "DIRECTORY", default_value = ".")]
    bundle: PathBuf,
    /// A unix socket that receives the master end of the console
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// Write the pid of the container's init to this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Do not use pivot_root; for a root file system on a ramdisk
    #[arg(long)]
    no_pivot: bool,
    /// Stay in the caller's session keyring
    #[arg(long)]
    no_new_keyring: bool,
    /// Pass this many file descriptors on besides stdin, stdout and stderr
    #[arg(long, value_name = "N", default_value_t = 0)]
    preserve_fds: u32,
}

impl CreateFlags {
    /// These, and the global ones that a create obeys.
    pub(super) fn options(self, globals: &Globals) -> Result<CreateOptions, Failure> {
        let CreateFlags {
            bundle,
            console_socket,
            pid_file,
            no_pivot,
            no_new_keyring,
            preserve_fds,
        } = self;
        let systemd_cgroup = globals.systemd_cgroup;
        Ok(CreateOptions {
            bundle,
            pid_file,
            console_socket,
            no_pivot,
            no_new_keyring,
            preserve_fds,
            systemd_cgroup,
            rootless: globals.rootless()?,
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

pub(super) fn run(args: CreateArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    create(args, globals, runtime).map_err(|source| Failure::Create { source: Box::new(source) })
}

fn create(args: CreateArgs, globals: &Globals, runtime: &Runtime) -> Result<i32, Failure> {
    check_id(&args.id)?;
    runtime.create(&args.id, &args.flags.options(globals)?)?;
    Ok(0)
}
