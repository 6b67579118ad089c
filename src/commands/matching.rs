//! `--regex`: one command for every container whose id matches.

use libcontainer::Runtime;
use regex_lite::Regex;

use crate::{
    failure::Failure,
    report::{Report, in_words},
};

/// Carries it out for each of them, whatever becomes of the others; the first failure is the command's.
pub(super) fn each(
    runtime: &Runtime,
    pattern: &str,
    report: &mut Report,
    carry_out: impl Fn(&str) -> Result<i32, Failure>,
) -> Result<i32, Failure> {
    let wanted = Regex::new(pattern)
        .map_err(|source| Failure::Pattern { found: pattern.to_owned(), source })?;
    let mut first = None;
    for id in runtime.ids()?.iter().filter(|id| wanted.is_match(id)) {
        match (carry_out(id), &first) {
            (Ok(_), _) => {}
            (Err(failure), None) => first = Some(failure),
            (Err(failure), Some(_)) => report.warning(&format!("{id}: {}", in_words(&failure))),
        }
    }
    first.map_or(Ok(0), Err)
}
