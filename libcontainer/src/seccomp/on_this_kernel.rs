//! Whether this kernel has what a profile asks for.

use super::error::Error;
use super::filter::{FLAG_LOG, FLAG_SPEC_ALLOW, FLAG_WAIT_KILLABLE_RECV, NEW_LISTENER};
use oci_spec::runtime::{LinuxSeccomp, LinuxSeccompFilterFlag as Flag};

/// Asks the kernel for each flag that would be used.
///
/// # Errors
/// [`Error::Flag`] with the place of the first that it does not know.
pub(crate) fn check(profile: &LinuxSeccomp, used: u32) -> Result<(), Error> {
    for (index, flag) in profile.flags().iter().flatten().enumerate() {
        let (bits, name, since) = match flag {
            Flag::SeccompFilterFlagLog => (FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG", "4.14"),
            Flag::SeccompFilterFlagSpecAllow => {
                (FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "4.17")
            }
            // The kernel takes it only together with a listener.
            Flag::SeccompFilterFlagWaitKillableRecv => (
                FLAG_WAIT_KILLABLE_RECV | NEW_LISTENER,
                "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
                "5.19",
            ),
            Flag::SeccompFilterFlagTsync => continue,
        };
        if used & bits == bits && !crate::sys::seccomp_knows(bits) {
            let json_path = format!("linux.seccomp.flags[{index}]");
            return Err(Error::Flag { json_path, name, since });
        }
    }
    Ok(())
}
