//! What creel-init reported, in words: which part of config.json, what was tried, what to do.

use super::conversation::Report;
use crate::plan::Planned;
use creel_wire::message::At;
use creel_wire::owned::Step;
use creel_wire::step::mount_flags;
use nix::errno::Errno;
use std::fmt;
use std::io;

/// A step that failed inside the container.
#[derive(Debug)]
pub struct StepError {
    step: Option<Planned>,
    at: At,
    number: i32,
    text: String,
    source: Option<io::Error>,
}

impl StepError {
    /// `steps` are the steps that were to be carried out.
    pub(crate) fn new(report: Report, steps: &[Planned]) -> Self {
        let step = report.step.and_then(|index| steps.get(index)).cloned();
        Self::of_step(report, step)
    }

    /// `step` is the one that failed.
    pub(crate) fn of_step(report: Report, step: Option<Planned>) -> Self {
        // The texts below say these themselves.
        let speaks = matches!(
            report.at,
            At::HookStatus
                | At::HookSignal
                | At::HookTimeout
                | At::NotInPath
                | At::Decode
                | At::Panic
                | At::InProc
                | At::NullDevice
                | At::Mismatch
                | At::Outside
        );
        let source = (!speaks).then(|| io::Error::from_raw_os_error(report.number));
        StepError { step, at: report.at, number: report.number, text: report.text, source }
    }

    /// The place in config.json that asked for the step; empty when no single place did.
    pub fn origin(&self) -> &str {
        self.step.as_ref().map_or("", |planned| planned.origin.as_str())
    }

    /// The error number of the system call that failed.
    pub fn errno(&self) -> Option<i32> {
        self.source.as_ref().and_then(io::Error::raw_os_error)
    }

    fn is(&self, errno: Errno) -> bool {
        self.errno() == Some(errno as i32)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Planned { origin, step }) = &self.step else {
            return write!(f, "creel-init could not begin ({:?})", self.at);
        };
        if let Step::FindProgram { name, .. } = step {
            return self.program(f, &name.display());
        }
        if let Step::Execute { arguments, .. } = step {
            let name = arguments.first().map(|name| name.display()).unwrap_or_default();
            return self.execute(f, &name);
        }
        if !origin.is_empty() {
            write!(f, "{origin}: ")?;
        }
        self.what(f, step)
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl StepError {
    /// In the words that engines look for.
    fn program(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        match self.at {
            At::NotInPath => write!(f, "exec: {name:?}: executable file not found in $PATH"),
            _ => write!(f, "exec: {name:?}"),
        }
    }

    fn execute(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        match self.at {
            At::Filter => f.write_str("linux.seccomp: installing the filter"),
            _ => write!(f, "exec {name:?}"),
        }
    }

    fn what(&self, f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
        match step {
            Step::MountFilesystem { target, fstype, .. } => {
                let (target, fstype) = (target.display(), fstype.display());
                self.mount(f, &target, &format!("{fstype} file system"))
            }
            Step::MountBind { target, source, .. } => match self.at {
                At::OpenSource => write!(f, "source {}", source.display()),
                _ => self.mount(f, &target.display(), &format!("bind of {}", source.display())),
            },
            Step::Device { path, .. } => self.made(f, "device", &path.display()),
            Step::Symlink { path, .. } => self.made(f, "link", &path.display()),
            Step::Hook { path, .. } => self.hook(f, &path.display()),
            Step::Root { path } | Step::OpenRoot { path } => write!(f, "root file system {}", path.display()),
            Step::MaskPath { .. } if self.at == At::NullDevice => {
                f.write_str("the container's /dev/null is not the null device, so nothing can be masked with it")
            }
            Step::MaskPath { path } => write!(f, "masking /{}", path.display()),
            Step::ReadonlyPath { path } => write!(f, "making /{} read-only", path.display()),
            Step::Sysctl { path, .. } => write!(f, "writing /proc/{}", path.display()),
            Step::MakeDirectory { path } => write!(f, "making directory /{}", path.display()),
            Step::WorkingDirectory { path } | Step::CheckWorkingDirectory { path } => {
                if self.at == At::Outside {
                    write!(f, "{} lies outside of the container's root", path.display())
                } else {
                    write!(f, "chdir to cwd ({:?})", path.display())
                }
            }
            Step::User { uid, gid, .. } => write!(f, "changing to user {uid}:{gid}"),
            Step::Rlimit { resource, soft, hard } => {
                write!(f, "setting limit {resource} to {soft}:{hard}")
            }
            Step::Hostname { name } => write!(f, "setting the hostname to {:?}", name.display()),
            Step::JoinNamespace { .. } => f.write_str("joining the namespace"),
            Step::EnterPidNamespace { .. } => f.write_str("making a process in the pid namespace"),
            Step::MountTree { target, .. } => {
                self.mount(f, &target.display(), "bind")
            }
            Step::Remount { target, .. } => match self.at {
                At::Resolve => write!(f, "mount to change at /{}", target.display()),
                _ => self.mount(f, &target.display(), "change of the mount"),
            },
            Step::TimeNamespace { .. } => match self.at {
                At::WriteFile => f.write_str("writing the offsets of the time namespace"),
                _ => f.write_str("making the time namespace"),
            },
            Step::Personality { .. } => f.write_str("setting the execution domain"),
            Step::Scheduler { .. } => f.write_str("setting the scheduler"),
            Step::IoPriority { .. } => f.write_str("setting the I/O priority"),
            Step::MemoryPolicy { .. } => f.write_str("setting the memory policy"),
            Step::Affinity { .. } => f.write_str("setting the CPUs to run on"),
            Step::ExecLabel { label, .. } | Step::FileLabel { label, .. } => {
                write!(f, "writing the label {:?}", String::from_utf8_lossy(label))
            }
            Step::Capabilities { .. } => f.write_str("setting the capabilities"),
            Step::Console { .. } => f.write_str("opening the container's terminal in its /dev/pts"),
            Step::PivotRoot {} => f.write_str("pivot_root"),
            Step::MoveRoot {} if self.at == At::Detach => {
                write!(f, "detaching the host's {} (--no-pivot)", self.text)
            }
            Step::MoveRoot {} => f.write_str("moving the root (--no-pivot)"),
            other => write!(f, "{other:?}"),
        }
    }

    fn mount(&self, f: &mut fmt::Formatter<'_>, target: &str, what: &str) -> fmt::Result {
        match self.at {
            At::Resolve | At::Create => write!(f, "mount target /{target}"),
            At::Copy => write!(f, "{what} at /{target}: copying {:?} into it", self.text),
            At::InProc => {
                write!(f, "{what} at /{target}: a mount inside /proc is not allowed there")
            }
            At::FilesystemType => {
                write!(f, "{what} at /{target}: the kernel does not know the type")
            }
            At::Parameter => write!(f, "{what} at /{target}: option {:?}", self.text),
            At::CreateFilesystem if !self.text.is_empty() => {
                // The kernel's own words begin with a letter for their level.
                let words =
                    self.text.split_once(' ').map_or(self.text.as_str(), |(_, words)| words);
                write!(f, "{what} at /{target}: {words}")
            }
            _ => write!(f, "{what} at /{target}"),
        }
    }

    fn made(&self, f: &mut fmt::Formatter<'_>, kind: &str, path: &str) -> fmt::Result {
        match self.at {
            At::Mismatch => {
                write!(f, "/{path} exists already and is something else than the {kind} asked for")
            }
            _ => write!(f, "making {kind} /{path}"),
        }
    }

    fn hook(&self, f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
        let said = if self.text.is_empty() { String::new() } else { format!(": {}", self.text) };
        match self.at {
            At::HookStatus => write!(f, "hook {path}: exit status {}{said}", self.number),
            At::HookSignal => write!(f, "hook {path}: ended by signal {}{said}", self.number),
            At::HookTimeout => write!(f, "hook {path}: did not end within its timeout"),
            _ => write!(f, "hook {path}"),
        }
    }

    /// What to do about it, where the errno alone does not tell.
    pub fn advice(&self) -> Option<&'static str> {
        let Planned { step, .. } = self.step.as_ref()?;
        Some(match (step, self.at) {
            (Step::MountBind { .. }, At::OpenSource) if self.is(Errno::ENOENT) => {
                "make it on the host, or take the mount out"
            }
            (_, At::Attributes) if self.is(Errno::ENOSYS) => "this option needs Linux 5.12",
            (Step::Root { .. }, _) if self.is(Errno::ENOTDIR) => "root.path has to be a directory",
            (Step::MoveRoot {}, At::Detach) if self.is(Errno::EINVAL) => {
                "in a user namespace the host's cannot be detached, and would undo linux.maskedPaths: leave \
                 --no-pivot out"
            }
            (Step::JoinNamespace { .. }, _) if self.is(Errno::EPERM) => {
                "without root's rights only the namespaces of a user namespace of one's own can be joined, and that \
                 one with them"
            }
            (Step::User { .. }, At::Groups) if self.is(Errno::EPERM) => {
                "the user namespace does without setgroups(2), so process.user.additionalGids has to be empty"
            }
            (Step::User { .. }, At::Groups | At::Gid | At::Uid) if self.is(Errno::EINVAL) => {
                "every id of process.user has to be mapped in the user namespace"
            }
            (Step::MountFilesystem { fstype, .. }, _)
                if self.is(Errno::EPERM) && fstype.display() == "proc" =>
            {
                "in a user namespace a procfs needs a pid namespace of the container's own and, outside, a /proc of \
                 which nothing is hidden; a bind of /proc is always possible"
            }
            (Step::MountFilesystem { fstype, .. }, _)
                if self.is(Errno::EPERM) && fstype.display() == "mqueue" =>
            {
                "in a user namespace it needs an ipc namespace of the container's own"
            }
            (Step::MountFilesystem { .. } | Step::MountBind { .. }, _)
                if self.is(Errno::EPERM) || self.is(Errno::EACCES) =>
            {
                return super::refusal::advice(self.errno());
            }
            (Step::PivotRoot {}, _) if self.is(Errno::EINVAL) => {
                "on an initramfs the root cannot be pivoted: use --no-pivot"
            }
            (Step::Remount { .. }, At::Call | At::Attributes) if self.is(Errno::EINVAL) => {
                "an earlier entry of mounts has to mount something there"
            }
            (Step::Scheduler { .. } | Step::IoPriority { .. }, _) if self.is(Errno::EPERM) => {
                "it needs CAP_SYS_NICE outside of user namespaces; on cgroup v1 a real-time policy also \
                 needs linux.resources.cpu.realtimeRuntime"
            }
            (Step::MemoryPolicy { .. }, _) if self.is(Errno::EINVAL) => {
                "every node has to be one of the host's, and one that the cpuset allows"
            }
            (Step::MemoryPolicy { .. }, _) if self.is(Errno::ENOSYS) => {
                "this kernel is built without NUMA"
            }
            (Step::Affinity { .. }, _) if self.is(Errno::EINVAL) => {
                "none of these CPUs is one that the cpuset allows"
            }
            (Step::TimeNamespace { .. }, At::Call) if self.is(Errno::EINVAL) => {
                "time namespaces need Linux 5.6 with CONFIG_TIME_NS"
            }
            (Step::TimeNamespace { .. }, At::WriteFile) if self.is(Errno::ERANGE) => {
                "with its offset a clock must not be negative, nor later than 146 years"
            }
            (Step::ExecLabel { .. }, At::WriteFile) if self.is(Errno::ENOENT) => {
                "load the profile into the kernel first (apparmor_parser)"
            }
            (Step::Rlimit { .. }, _) if self.is(Errno::EPERM) => {
                "a hard limit above creel's own needs CAP_SYS_RESOURCE"
            }
            (Step::EnterPidNamespace { .. }, _) if self.is(Errno::EAGAIN) => {
                "the container may have no more, see linux.resources.pids.limit"
            }
            (Step::MountFilesystem { flags, .. }, At::Resolve)
                if self.is(Errno::ELOOP) && flags & mount_flags::NO_SYMLINKS != 0 =>
            {
                "/proc and /sys have to be directories, not symbolic links"
            }
            (Step::FindProgram { .. }, At::NotInPath) => {
                "process.args[0] is looked for in the PATH of process.env, inside the root file system"
            }
            (Step::FindProgram { .. }, At::NotFound) => {
                "process.args[0] is a path in the root file system"
            }
            (Step::FindProgram { .. }, _) => {
                "process.args[0] has to be a file that process.user may execute"
            }
            (Step::Execute { .. }, At::Filter) if self.is(Errno::EINVAL) => {
                "the kernel lacks one of linux.seccomp.flags, or was built without CONFIG_SECCOMP_FILTER"
            }
            (Step::Execute { .. }, At::Filter) if self.is(Errno::EACCES) => {
                "without process.noNewPrivileges creel needs CAP_SYS_ADMIN for it"
            }
            (Step::Execute { .. }, At::Filter) => return None,
            (Step::Execute { .. }, _) if self.is(Errno::EPERM) || self.is(Errno::ENOSYS) => {
                "linux.seccomp, if there is one, has to allow execve"
            }
            (Step::Execute { .. }, _) if self.is(Errno::ENOEXEC) => {
                "it is neither a program for this architecture nor a script with #! in its first line"
            }
            (Step::Execute { .. }, _) if self.is(Errno::ENOENT) => {
                "its interpreter or dynamic linker is missing in the root file system"
            }
            _ => return None,
        })
    }
}
