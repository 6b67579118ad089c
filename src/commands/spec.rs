//! `creel spec`: writes a config.json to start from.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    path::PathBuf,
};

use clap::Args;
use libcontainer::spec::DefaultConfig;
use nix::{
    sys::statfs::{CGROUP2_SUPER_MAGIC, statfs},
    unistd::{getegid, geteuid},
};

use crate::failure::Failure;

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct SpecArgs {
    /// The directory to write it to
    #[arg(long, short, value_name = "DIRECTORY", default_value = ".")]
    bundle: PathBuf,
    /// The name of the file
    #[arg(long, short, value_name = "FILE", default_value = "config.json")]
    file: PathBuf,
    /// Write one for a container made without root's rights
    #[arg(long)]
    rootless: bool,
}

pub(super) fn run(args: &SpecArgs) -> Result<i32, Failure> {
    let config = DefaultConfig {
        rootless: args.rootless.then(|| (geteuid().as_raw(), getegid().as_raw())),
        cgroup_namespace: has_only_cgroup2(),
    };
    let path = args.bundle.join(&args.file);
    let mut file = match File::create_new(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::ConfigExists { path });
        }
        Err(source) => return Err(Failure::WriteConfig { path, source }),
    };
    let written = file.write_all(config.to_json().as_bytes());
    written.map_err(|source| Failure::WriteConfig { path, source })?;
    Ok(0)
}

/// On the older layouts a cgroup namespace gains nothing, and runc writes none there.
fn has_only_cgroup2() -> bool {
    statfs("/sys/fs/cgroup").is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC)
}
