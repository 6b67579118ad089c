//! The commands that are not there yet. Their command lines are read already, so that a caller
//! learns that the command is missing and not that a flag is, and finds their help.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// A command that can only be refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unbuilt {
    Checkpoint(CheckpointArgs),
    Restore(RestoreArgs),
}

impl Unbuilt {
    pub(super) fn refusal(&self) -> Failure {
        let what = match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Restore(_) => "restore",
        };
        Failure::Unsupported { what }
    }
}

/// The flags that `checkpoint` and `restore` share.
#[derive(Args, Debug, PartialEq, Eq)]
struct CriuFlags {
    /// The directory of criu's image files
    #[arg(long, value_name = "DIRECTORY")]
    image_path: Option<PathBuf>,
    /// The directory of criu's work files and logs
    #[arg(long, value_name = "DIRECTORY")]
    work_path: Option<PathBuf>,
    /// Allow open TCP connections
    #[arg(long)]
    tcp_established: bool,
    /// Allow external unix sockets
    #[arg(long)]
    ext_unix_sk: bool,
    /// Allow shell jobs
    #[arg(long)]
    shell_job: bool,
    /// Move memory pages lazily, by userfaultfd
    #[arg(long)]
    lazy_pages: bool,
    /// Handle file locks
    #[arg(long)]
    file_locks: bool,
    /// How criu treats cgroups: soft, full, strict or ignore
    #[arg(long, value_name = "MODE")]
    manage_cgroups_mode: Option<String>,
    /// Create a namespace but leave its properties; may be given several times
    #[arg(long, value_name = "TYPE")]
    empty_ns: Vec<String>,
    /// Drop duplicate memory images
    #[arg(long)]
    auto_dedup: bool,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct CheckpointArgs {
    #[command(flatten)]
    criu: CriuFlags,
    /// The directory of an earlier pre-dump's image files
    #[arg(long, value_name = "DIRECTORY")]
    parent_path: Option<PathBuf>,
    /// Skip TCP connections that are being made
    #[arg(long)]
    tcp_skip_in_flight: bool,
    /// Link files that were unlinked back while this is done
    #[arg(long)]
    link_remap: bool,
    /// How criu locks the network: iptables, nftables or skip
    #[arg(long, value_name = "METHOD")]
    network_lock: Option<String>,
    /// Leave the container running
    #[arg(long)]
    leave_running: bool,
    /// A file descriptor for criu's word that lazy pages are ready
    #[arg(long, value_name = "FD", default_value_t = -1)]
    status_fd: i32,
    /// The page server
    #[arg(long, value_name = "ADDRESS:PORT")]
    page_server: Option<String>,
    /// Save the memory alone and leave the container running
    #[arg(long)]
    pre_dump: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    criu: CriuFlags,
    /// Close TCP connections instead of restoring them
    #[arg(long)]
    tcp_close: bool,
    /// How criu locks the network: iptables, nftables or skip
    #[arg(long, value_name = "METHOD")]
    network_lock: Option<String>,
    /// A unix socket that receives the master end of the console
    #[arg(long, value_name = "SOCKET")]
    console_socket: Option<PathBuf>,
    /// The bundle directory
    #[arg(long, short, value_name = "DIRECTORY", default_value = ".")]
    bundle: PathBuf,
    /// Return once the container runs
    #[arg(long, short)]
    detach: bool,
    /// Write the pid of the container's init to this file
    #[arg(long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Do not become the reaper of the container's orphans
    #[arg(long)]
    no_subreaper: bool,
    /// Do not use pivot_root; for a root file system on a ramdisk
    #[arg(long)]
    no_pivot: bool,
    /// The LSM profile to restore with
    #[arg(long, value_name = "TYPE:NAME")]
    lsm_profile: Option<String>,
    /// The LSM mount context to restore with
    #[arg(long, value_name = "CONTEXT")]
    lsm_mount_context: Option<String>,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}
