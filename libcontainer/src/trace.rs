//! Where the time of a command goes: what of it ended when. It is collected, and said when the command is done, at the level
//! trace of the `log` crate for [`TRACE_TARGET`]. While nobody asks for that, it costs a look at the level.

use crate::plan::Planned;
use crate::process::image;
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

/// The target of the messages that say how long each part of a command took.
pub const TRACE_TARGET: &str = "libcontainer::time";

thread_local! {
    static PARTS: RefCell<Option<Vec<Part>>> = const { RefCell::new(None) };
}

/// One thing that was done, in nanoseconds since the epoch: that clock is the same in every time namespace.
struct Part {
    begin: u64,
    end: u64,
    who: &'static str,
    what: String,
}

/// Whether anybody wants to know.
pub(crate) fn is_on() -> bool {
    log::log_enabled!(target: TRACE_TARGET, log::Level::Trace)
}

/// A command of this thread; what it did is said when this is dropped. One within another is a part of that.
pub(crate) struct Trace {
    is_outermost: bool,
}

impl Trace {
    pub(crate) fn begin() -> Self {
        let begin = || {
            let begun = Part { begin: now(), end: now(), who: OUTSIDE, what: "begun".to_owned() };
            PARTS.with_borrow_mut(|parts| parts.is_none() && parts.replace(vec![begun]).is_none())
        };
        Trace { is_outermost: is_on() && begin() }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if !self.is_outermost {
            return;
        }
        let mut parts = PARTS.take().unwrap_or_default();
        parts.sort_by_key(|part| part.begin);
        let first = parts.first().map_or(0, |part| part.begin);
        for Part { begin, end, who, what } in parts {
            let (at, took) =
                (tenths(begin.saturating_sub(first)), tenths(end.saturating_sub(begin)));
            log::trace!(target: TRACE_TARGET, "{at:>8} us + {took:>7}  {who}: {what}");
        }
    }
}

const OUTSIDE: &str = "creel";
const INSIDE: &str = "creel-init";

/// The library has done this since the last time that it said so.
pub(crate) fn done(what: &str) {
    if !is_on() {
        return;
    }
    PARTS.with_borrow_mut(|parts| {
        let Some(parts) = parts else { return };
        let last = parts.iter().rev().find(|part| part.who == OUTSIDE).map_or(0, |part| part.end);
        parts.push(Part { begin: last, end: now(), who: OUTSIDE, what: what.to_owned() });
    });
}

/// creel-init's steps, of which it has noted when each began, if it has; 0 for those that it has not come to. The last one
/// ends now.
pub(crate) fn inside(times: Option<OwnedFd>, steps: &[Planned]) {
    let Some(begun) = times.and_then(|times| image::noted(times).ok()) else { return };
    PARTS.with_borrow_mut(|parts| {
        let Some(parts) = parts else { return };
        let begun = begun.iter().copied().take_while(|time| *time != 0);
        let ends = begun.clone().skip(1).chain(std::iter::once(now()));
        for ((begin, end), Planned { origin, step }) in begun.zip(ends).zip(steps) {
            let name = step.name();
            let what =
                if origin.is_empty() { name.to_owned() } else { format!("{origin}: {name}") };
            parts.push(Part { begin, end, who: INSIDE, what });
        }
    });
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Of nanoseconds: microseconds with one digit behind the point.
fn tenths(nanoseconds: u64) -> String {
    format!("{}.{}", nanoseconds / 1000, nanoseconds % 1000 / 100)
}
