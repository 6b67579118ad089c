//! The signal that `kill` is told: `9`, `KILL`, `SIGKILL`, in either case.

use std::str::FromStr;

use nix::{libc, sys::signal::Signal};

use crate::failure::Failure;

/// Where the container's programs, engines and shells begin and end to count, which is glibc's way; musl, that this program
/// may be linked with, keeps one more for itself.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// Turns the text into a signal's number; 0 only asks whether the process is there (kill(2)).
pub(crate) fn parse(text: &str) -> Result<i32, Failure> {
    number(text).ok_or_else(|| Failure::UnknownSignal { found: text.to_owned() })
}

fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return (0..=RTMAX).contains(&number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = Signal::from_str(&format!("SIG{name}")).ok();
    known.map(|signal| signal as i32).or_else(|| other_name(name)).or_else(|| real_time(name))
}

/// Second names, signal(7).
fn other_name(name: &str) -> Option<i32> {
    match name {
        "CLD" => Some(libc::SIGCHLD),
        "IOT" => Some(libc::SIGIOT),
        "POLL" => Some(libc::SIGIO),
        _ => None,
    }
}

/// `RTMIN`, `RTMIN+3`, `RTMAX-3`, `RTMAX`.
fn real_time(name: &str) -> Option<i32> {
    let (base, offset) = match (name.strip_prefix("RTMIN"), name.strip_prefix("RTMAX")) {
        (Some(offset), _) => (RTMIN, offset),
        (_, Some(offset)) => (RTMAX, offset),
        _ => return None,
    };
    let signed = offset.is_empty() || offset.starts_with(['+', '-']);
    let offset: i32 = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    let number = base.checked_add(offset)?;
    (signed && (RTMIN..=RTMAX).contains(&number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_signal() {
        for text in ["9", "KILL", "SIGKILL", "kill", "sigkill", "SigKill"] {
            assert_eq!(number(text), Some(libc::SIGKILL), "{text}");
        }
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("usr1"), Some(libc::SIGUSR1));
        assert_eq!(number("SIGCLD"), Some(libc::SIGCHLD));
        assert_eq!(number("RTMIN+3"), Some(37));
        assert_eq!(number("SIGRTMAX-1"), Some(63));
        assert_eq!(number("rtmax"), Some(64));
    }

    #[test]
    fn what_is_no_signal() {
        for text in
            ["", "BAD", "-9", "65", "SIG", "SIGSIGKILL", "RTMIN-1", "RTMIN3", "RTMAX+1", "9x"]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
