//! What a service manager says in the environment: sockets that it passes on (sd_listen_fds(3)), and the one on which it
//! waits for word (sd_notify(3)).

use std::{env, ffi::OsString};

use crate::failure::Failure;

/// The sockets that were passed to this process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listening {
    /// How many, from descriptor 3 on.
    pub(crate) count: u32,
    /// Their names, joined by colons.
    pub(crate) names: Option<String>,
}

/// LISTEN_FDS counts only for the process that LISTEN_PID names.
pub(crate) fn listening() -> Result<Listening, Failure> {
    let text = |name: &str| env::var(name).ok();
    // Mostly there is none, and each look goes through the whole environment.
    let Some(pid) = text("LISTEN_PID") else { return Ok(Listening::default()) };
    listening_as(std::process::id(), Some(pid), text("LISTEN_FDS"), text("LISTEN_FDNAMES"))
}

fn listening_as(
    own: u32,
    pid: Option<String>,
    count: Option<String>,
    names: Option<String>,
) -> Result<Listening, Failure> {
    let (Some(pid), Some(count)) = (pid, count) else { return Ok(Listening::default()) };
    if pid.parse() != Ok(own) {
        return Ok(Listening::default());
    }
    match count.parse() {
        Ok(0) => Ok(Listening::default()),
        Ok(count) => Ok(Listening { count, names }),
        Err(_) => Err(Failure::ListenFds { found: count }),
    }
}

/// Where to say that the container is ready.
pub(crate) fn notify_socket() -> Option<OsString> {
    env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_for_the_process_that_is_named() {
        let given = |pid: &str, count: &str| {
            listening_as(7, Some(pid.to_owned()), Some(count.to_owned()), Some("a:b".to_owned()))
        };
        let two = Listening { count: 2, names: Some("a:b".to_owned()) };
        assert_eq!(given("7", "2").unwrap(), two);
        assert_eq!(given("7", "0").unwrap(), Listening::default());
        assert_eq!(given("8", "2").unwrap(), Listening::default());
        assert_eq!(given("8", "x").unwrap(), Listening::default());
        for count in ["x", "-1", ""] {
            assert!(matches!(given("7", count), Err(Failure::ListenFds { .. })), "{count}");
        }
        assert_eq!(listening_as(7, None, Some("2".into()), None).unwrap(), Listening::default());
    }
}
