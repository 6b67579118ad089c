//! The steps that creel-init carries out, each defined once for both sides.
//!
//! Paths inside the container (`target`, `path`) are relative to its root and clean: no leading slash,
//! no `.` and no `..` (the planner saw to it; creel-init resolves them below the root in any case).

#![allow(missing_docs)] // The fields are called what the system calls call them.

use crate::field::{Bytes, Field, Slot, Text, TextList, WordList};
use crate::reader::{DecodeError, Reader};

macro_rules! steps {
    ($(
        $(#[$doc:meta])*
        $tag:literal $name:ident { $( $(#[$field_doc:meta])* $field:ident : $ty:ty ),* $(,)? }
    )*) => {
        /// One step, as creel-init reads it from the plan.
        #[derive(Debug, Clone, Copy)]
        pub enum Step<'a> {
            $( $(#[$doc])* $name { $( $(#[$field_doc])* $field: <$ty as Field>::View<'a> ),* }, )*
            #[doc(hidden)]
            _Lifetime(core::convert::Infallible, core::marker::PhantomData<&'a ()>),
        }

        impl<'a> Step<'a> {
            pub(crate) fn decode(
                tag: u32,
                reader: &mut Reader<'a>,
            ) -> Result<Self, DecodeError> {
                let _ = &reader;
                match tag {
                    $( $tag => Ok(Step::$name { $( $field: <$ty as Field>::decode(reader)? ),* }), )*
                    _ => Err(DecodeError::Tag),
                }
            }
        }

        /// One step, as the library plans, prints and encodes it.
        #[cfg(feature = "owned")]
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        #[serde(tag = "step", rename_all = "camelCase", rename_all_fields = "camelCase")]
        pub enum OwnedStep {
            $( $(#[$doc])* $name { $( $(#[$field_doc])* $field: <$ty as Field>::Owned ),* }, )*
        }

        #[cfg(feature = "owned")]
        impl OwnedStep {
            /// What it is called here.
            pub fn name(&self) -> &'static str {
                match self {
                    $( OwnedStep::$name { .. } => stringify!($name), )*
                }
            }

            /// Appends tag and fields; the length in between is the caller's.
            pub(crate) fn encode(&self, out: &mut std::vec::Vec<u8>) -> u32 {
                let _ = &out;
                match self {
                    $( OwnedStep::$name { $( $field ),* } => {
                        $( <$ty as Field>::encode($field, out); )*
                        $tag
                    } )*
                }
            }
        }
    };
}

steps! {
    /// prctl(PR_SET_DUMPABLE, 0): before anything existing is joined, so that nobody who is already
    /// there can trace this process.
    1 NonDumpable {}
    /// Wait until the library has written the id maps and put this process into its cgroups.
    2 AwaitAdmission {}
    /// setns(2).
    3 JoinNamespace {
        /// A descriptor of the namespace.
        namespace: Slot,
        /// CLONE_NEW*: what it has to be.
        kind: u32,
    }
    /// unshare(2) with CLONE_NEW* flags.
    4 Unshare { flags: u32 }
    /// Go on in a child that is a sibling of this process (CLONE_PARENT), inside the joined pid
    /// namespace; tell the library its pid and end.
    5 EnterPidNamespace {
        /// Do not wait for the library's word.
        at_once: bool,
    }
    /// setsid(2).
    6 NewSession {}
    /// keyctl(KEYCTL_JOIN_SESSION_KEYRING); a refusal is not an error.
    7 SessionKeyring { name: Text }
    /// Set the interface `lo` up.
    8 LoopbackUp {}
    /// sethostname(2).
    9 Hostname { name: Text }
    /// setdomainname(2).
    10 Domainname { name: Text }
    /// sched_setaffinity(2) to all CPUs that the cpuset allows.
    11 ResetAffinity {}
    /// Default actions for all signals, an empty mask.
    12 ResetSignals {}
    /// Set the propagation of `/` in the new mount namespace.
    13 Propagation { flags: u32 }
    /// Open the root file system on the host and mount it over itself.
    14 Root { path: Text }
    /// A new instance of a file system.
    15 MountFilesystem {
        target: Text,
        fstype: Text,
        source: Text,
        /// `key=value` or `flag`, for fsconfig(2).
        parameters: TextList,
        /// MOUNT_ATTR_*.
        attributes: u64,
        /// MS_SHARED and its like, or 0.
        propagation: u32,
        /// [`mount_flags`].
        flags: u32,
    }
    /// A bind of something that exists on the host.
    16 MountBind {
        target: Text,
        source: Text,
        recursive: bool,
        /// MOUNT_ATTR_* for the mount itself.
        set: u64,
        clear: u64,
        /// MOUNT_ATTR_* for everything below too.
        recursive_set: u64,
        recursive_clear: u64,
        /// MS_SHARED and its like, or 0.
        propagation: u32,
        /// [`mount_flags`].
        flags: u32,
    }
    /// A character or block device or a fifo.
    17 Device {
        path: Text,
        /// Type and permissions, as in st_mode.
        mode: u32,
        major: u32,
        minor: u32,
        uid: u32,
        gid: u32,
    }
    /// A symbolic link; what is there already stays, unless `replace`.
    18 Symlink { path: Text, target: Text, replace: bool }
    /// Tell the library that the mounts are made; go on when its hooks have run.
    19 AwaitHooks {}
    /// Run one hook and wait for it.
    20 Hook {
        path: Text,
        arguments: TextList,
        environment: TextList,
        /// In milliseconds; 0: no limit.
        timeout: u32,
        /// The container's state as JSON, read from offset 0.
        stdin: Slot,
    }
    /// pivot_root(2) into the root file system; the old root is gone afterwards.
    21 PivotRoot {}
    /// Move the root file system over `/` and chroot(2), where pivot_root is impossible.
    22 MoveRoot {}
    /// Only chroot(2): there is no mount namespace of the container's own.
    23 Chroot {}
    /// Set the propagation of the new root.
    24 RootPropagation { flags: u32 }
    /// Write below /proc/sys through a procfs of our own.
    25 Sysctl { path: Text, value: Bytes }
    /// Make a path read-only.
    26 ReadonlyPath { path: Text }
    /// Hide a path: a directory behind an empty read-only tmpfs, anything else behind /dev/null.
    27 MaskPath { path: Text }
    /// Make the root itself read-only.
    28 ReadonlyRoot {}
    /// A pseudo-terminal from the container's devpts: becomes standard input, output and error; the
    /// other end goes to the library.
    29 Console { uid: u32, rows: u32, columns: u32, device: bool }
    /// Take HOME for this user from the container's /etc/passwd.
    30 Home { uid: u32 }
    /// prctl(PR_SET_NO_NEW_PRIVS).
    31 NoNewPrivileges {}
    /// prlimit(2) on itself.
    32 Rlimit { resource: u32, soft: u64, hard: u64 }
    /// Drop every capability that is not in `keep` from the bounding set.
    33 BoundingSet { keep: u64 }
    /// chdir(2).
    34 WorkingDirectory { path: Text }
    /// setgroups, setresgid, setresuid, keeping capabilities for [`Step::Capabilities`].
    35 User { uid: u32, gid: u32, groups: WordList, set_groups: bool }
    /// chdir(2) once more when the first attempt was refused, then see that it lies inside.
    36 CheckWorkingDirectory { path: Text }
    /// capset(2) and the ambient set.
    37 Capabilities { effective: u64, permitted: u64, inheritable: u64, ambient: u64 }
    /// umask(2).
    38 Umask { mask: u32 }
    /// Mark every descriptor from this one on close-on-exec.
    39 CloseFrom { first: u32 }
    /// Find the program: by its path, or in the PATH of `environment`.
    40 FindProgram { name: Text, path: Text }
    /// Tell the library that all is prepared; go on when it has saved the state.
    41 Ready {}
    /// Wait for `start` on a listening socket.
    42 AwaitStart { listener: Slot }
    /// seccomp(2): the filter of the program. It is installed by the Execute step, with nothing but execve(2)
    /// after it, so that it has to allow no other call of creel-init's.
    43 Seccomp {
        /// SECCOMP_FILTER_FLAG_*.
        flags: u32,
        program: Bytes,
        /// Memory of at least four bytes that cannot shrink: the errno of an execve that failed, for what the
        /// filter does not let be said.
        report: Slot,
    }
    /// mkdir(2) for all of it that is missing.
    45 MakeDirectory { path: Text }
    /// mount_setattr(2) on a mount that was made before.
    46 MountAttributes { target: Text, set: u64 }
    /// Become root of the user namespace (setresgid, setresuid), with no capability left that an execve
    /// would hand on by itself.
    47 UserNamespaceRoot {}
    /// Attach a tree of mounts that the library made ready: an id-mapped bind, or one that is shared with the host.
    60 MountTree {
        target: Text,
        tree: Slot,
        /// MOUNT_ATTR_*.
        set: u64,
        clear: u64,
        recursive_set: u64,
        recursive_clear: u64,
        /// MS_SHARED and its like, or 0.
        propagation: u32,
        /// [`mount_flags`].
        flags: u32,
    }
    /// Change a mount that is there.
    61 Remount {
        target: Text,
        /// For the file system itself, with `reconfigure`.
        parameters: TextList,
        reconfigure: bool,
        /// MOUNT_ATTR_*.
        set: u64,
        clear: u64,
        recursive_set: u64,
        recursive_clear: u64,
        /// MS_SHARED and its like, or 0.
        propagation: u32,
    }
    /// Make a time namespace, write its offsets while nobody is in it, and enter it.
    62 TimeNamespace {
        /// The text for timens_offsets, time_namespaces(7).
        offsets: Bytes,
    }
    /// personality(2).
    63 Personality { persona: u32 }
    /// sched_setattr(2).
    64 Scheduler {
        policy: u32,
        flags: u64,
        nice: i64,
        priority: u32,
        /// In nanoseconds, as the other two.
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    /// ioprio_set(2), for this process.
    65 IoPriority { priority: u32 }
    /// set_mempolicy(2).
    66 MemoryPolicy {
        /// MPOL_* with its flags.
        mode: u32,
        /// Node numbers.
        nodes: WordList,
    }
    /// sched_setaffinity(2), to these CPUs.
    67 Affinity { cpus: WordList }
    /// What a security module shall give the process at its execve.
    68 ExecLabel {
        /// Files below the process's directory in procfs, by kernel; the first that is there is written.
        files: TextList,
        label: Bytes,
    }
    /// Give the program LISTEN_PID with the pid that it will have, sd_listen_fds(3).
    72 ListenPid {}
    /// Give a file a label of SELinux: one of a file system that takes none when it is mounted.
    69 FileLabel { target: Text, label: Bytes }
    /// Open the root file system where it is: without a mount namespace of the container's own a mount would
    /// stay on the host.
    48 OpenRoot { path: Text }
    /// chroot(2) into a root that is held open: that of a container without a mount namespace of its own.
    49 EnterRoot { root: Slot }
    /// Ask the library for what it can do only now: the id maps of the user namespace that this process made, the
    /// devices of the network namespace; go on when it has.
    80 AwaitIdMaps {}
    /// A tree of mounts for the next [`Step::MountBind`], should its source be out of reach from inside.
    81 OuterSource { tree: Slot }
    /// Note when each step begins in this memory, of eight bytes for each: the first step, if at all.
    82 Clock { times: Slot }
    /// execve(2).
    44 Execute { arguments: TextList, environment: TextList }
}

/// Flags of the mount steps.
pub mod mount_flags {
    /// The target is resolved without following any symbolic link (proc and sysfs).
    pub const NO_SYMLINKS: u32 = 1;
    /// The target may lie in a procfs.
    pub const IN_PROC: u32 = 2;
    /// A tmpfs that takes the mode of the directory it covers.
    pub const MODE_OF_TARGET: u32 = 4;
    /// Where the kernel refuses it, a read-only bind of the host's (sysfs).
    pub const OR_HOSTS: u32 = 8;
    /// A tmpfs that begins with a copy of what it covers.
    pub const COPY_UP: u32 = 16;
}
