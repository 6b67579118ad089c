//! The integration tests: containers made by the runtime, looked at from inside and outside.
//!
//! They need root. [`harness`] says what they stand on and which variables they obey; with
//! `CREEL_TEST_RUNTIME=runc` the same tests run against Debian's runc, which tells whether a test
//! is right.

mod activation;
mod apparmor;
mod attacks;
mod bad_input;
mod binds;
mod capabilities;
mod cgroup_mounts;
mod cgroup_states;
mod cgroups;
mod cli;
mod commands;
mod conformance;
mod crash;
mod deleting;
mod device_mounts;
mod devices;
mod events;
mod exec;
mod fds;
mod features;
mod flags;
mod foreground;
mod harness;
mod hooks;
mod id_mapped;
#[path = "../../libcontainer/src/seccomp/interpreter.rs"]
mod interpreter;
mod labels;
mod lifecycle;
mod limits;
mod list;
mod log;
mod mount_words;
mod mounts;
mod namespaces;
mod net_devices;
mod old_kernels;
mod pause;
mod plan;
mod process;
mod program;
mod ps;
mod rdt;
mod regression;
mod remount;
mod rootfs;
mod rootfs_kinds;
mod rootless;
mod round_trip;
mod scheduling;
mod seccomp;
mod seccomp_notify;
mod seccomp_strict;
mod seccomp_verdicts;
mod soak;
mod sysctls;
mod systemd;
mod terminals;
mod time;
mod two_users;
mod update;
mod user_namespaces;
mod wrong_state;
