//! Seccomp: an OCI profile (config-linux.md, "Seccomp") becomes a program for the kernel, classic BPF.
//!
//! The program looks at the architecture first and then searches the number of the call in ranges that are
//! decided alike, so that a call costs a dozen instructions, whatever the length of the profile.
//!
//! What is decided is what runc with libseccomp decides:
//! - The machine's own architecture is always part of the filter. A call of one that the profile does not
//!   list kills its thread.
//! - A name that an architecture does not know is skipped there, and so is a rule that does what the default
//!   does. A rule without conditions stands above those with some. Of several rules whose conditions hold
//!   the first one counts.
//! - Several conditions on one argument in one entry are alternatives.
//! - A call with a higher number than any that the profile names is newer than the profile, and gets ENOSYS
//!   (unless the default action lets calls through or says ENOSYS itself): programs then try an older one.
//! - Without `flags` the filter is installed with SECCOMP_FILTER_FLAG_SPEC_ALLOW.

mod action;
mod architecture;
mod assembler;
mod condition;
mod decisions;
mod error;
mod filter;
mod installable;
#[cfg(test)]
mod interpreter;
mod listener;
mod on_this_kernel;
mod rules;
mod tables;
#[cfg(test)]
mod tests;
mod tree;

pub use error::Error;
pub use filter::Filter;
pub(crate) use installable::Installable;
pub use listener::Listener;
pub(crate) use on_this_kernel::check as check_kernel;

/// BPF_MAXINSNS, linux/bpf_common.h.
pub const MAX_INSTRUCTIONS: usize = 4096;
