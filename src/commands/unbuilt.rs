//! The commands that are not there yet. Their command lines are read already, so that a caller
//! learns that the command is missing and not that a flag is, and finds their help.

use std::path::PathBuf;

use clap::Args;

use crate::failure::Failure;

/// A command that can only be refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unbuilt {
    Checkpoint(CheckpointArgs),
    Events(EventsArgs),
    Pause(IdArgs),
    Ps(PsArgs),
    Restore(RestoreArgs),
    Resume(IdArgs),
    Update(Box<UpdateArgs>),
}

impl Unbuilt {
    pub(super) fn refusal(&self) -> Failure {
        let what = match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Events(_) => "events",
            Self::Pause(_) => "pause",
            Self::Ps(_) => "ps",
            Self::Restore(_) => "restore",
            Self::Resume(_) => "resume",
            Self::Update(_) => "update",
        };
        Failure::Unsupported { what }
    }
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct IdArgs {
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct EventsArgs {
    /// The time between two statistics, such as 5s
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    interval: String,
    /// Show the statistics once
    #[arg(long)]
    stats: bool,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct PsArgs {
    /// table or json
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    format: String,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
    /// Options for ps
    #[arg(value_name = "ps options", trailing_var_arg = true)]
    options: Vec<String>,
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

#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct UpdateArgs {
    /// A file with the resources as JSON, or - for stdin; the other flags do not count then
    #[arg(long, short, value_name = "FILE")]
    resources: Option<PathBuf>,
    /// The weight of block I/O, 10 to 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<String>,
    /// The period of the CPU quota, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_period: Option<String>,
    /// The CPU time allowed in a period, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_quota: Option<String>,
    /// The CPU time above the quota that may be saved up, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_burst: Option<String>,
    /// The CPU shares, relative to other containers
    #[arg(long, value_name = "SHARES")]
    cpu_share: Option<String>,
    /// The period of real-time CPU time, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_rt_period: Option<String>,
    /// The real-time CPU time allowed in a period, in microseconds
    #[arg(long, value_name = "TIME")]
    cpu_rt_runtime: Option<String>,
    /// 1 to run only when nothing else wants the CPU
    #[arg(long, value_name = "IDLE")]
    cpu_idle: Option<String>,
    /// The CPUs to use
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// The memory nodes to use
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// The kernel memory limit; ignored, as the kernel has none any more
    #[arg(long, value_name = "BYTES", hide = true)]
    kernel_memory: Option<String>,
    /// The kernel memory limit for TCP
    #[arg(long, value_name = "BYTES", hide = true)]
    kernel_memory_tcp: Option<String>,
    /// The memory limit, in bytes
    #[arg(long, value_name = "BYTES")]
    memory: Option<String>,
    /// The soft memory limit, in bytes
    #[arg(long, value_name = "BYTES")]
    memory_reservation: Option<String>,
    /// The limit of memory and swap together, in bytes; -1 for none
    #[arg(long, value_name = "BYTES")]
    memory_swap: Option<String>,
    /// The most processes
    #[arg(long, value_name = "N")]
    pids_limit: Option<String>,
    /// The L3 cache schema of Intel RDT
    #[arg(long, value_name = "SCHEMA")]
    l3_cache_schema: Option<String>,
    /// The memory bandwidth schema of Intel RDT
    #[arg(long, value_name = "SCHEMA")]
    mem_bw_schema: Option<String>,
    /// The container
    #[arg(value_name = "container-id")]
    id: String,
}
