//! runc's way to read flags, put into the form that clap reads.
//!
//! runc takes `-bundle x` and `--bundle=x` alike, gives a flag the next argument whatever it
//! looks like, takes `--keep=false`, lets the last of several win, and finds its flags behind the
//! container's id too. The result here is strict: long flags with `=`, then `--`, then the rest.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use clap::{Arg, ArgAction, Command};

use super::usage::UsageError;

/// Arguments sorted into flags and the rest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorted {
    /// `--long` or `--long=value`, each known.
    pub(crate) flags: Vec<OsString>,
    /// What is no flag, in order.
    pub(crate) rest: Vec<OsString>,
    /// Whether help was asked for.
    pub(crate) help: bool,
}

/// Where flags may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Anywhere before `--`; what looks like a flag but is none of ours counts as an argument
    /// once a first argument was seen.
    Mixed,
    /// Only before the first argument; the rest belongs to somebody else.
    FlagsFirst,
}

/// Sorts the arguments by the flags that the command knows.
pub(crate) fn sort(
    command: &Command,
    order: Order,
    argv: Vec<OsString>,
) -> Result<Sorted, UsageError> {
    let mut sorted = Sorted::default();
    let mut arguments = argv.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            break;
        }
        let flag = Flag::read(&argument);
        let known = flag.as_ref().and_then(|flag| find(command, flag));
        match (flag, known) {
            (Some(flag), Some(known)) => take(&mut sorted, known, &flag, &mut arguments)?,
            (Some(flag), None) if flag.is_help() => sorted.help = true,
            (Some(flag), None) if sorted.rest.is_empty() => {
                return Err(UsageError::UnknownFlag { flag: flag.written() });
            }
            _ => sorted.rest.push(argument),
        }
        if order == Order::FlagsFirst && !sorted.rest.is_empty() {
            break;
        }
    }
    sorted.rest.extend(arguments);
    Ok(sorted)
}

/// An argument that begins with `-` and is more than that.
struct Flag<'a> {
    name: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> Flag<'a> {
    fn read(argument: &'a OsStr) -> Option<Self> {
        let bytes = argument.as_bytes().strip_prefix(b"-").filter(|rest| !rest.is_empty())?;
        let bytes = bytes.strip_prefix(b"-").unwrap_or(bytes);
        Some(match bytes.iter().position(|&byte| byte == b'=') {
            Some(at) => Self { name: &bytes[..at], value: Some(&bytes[at + 1..]) },
            None => Self { name: bytes, value: None },
        })
    }

    fn is_help(&self) -> bool {
        matches!(self.name, b"h" | b"help")
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(self.name).into_owned()
    }
}

fn find<'c>(command: &'c Command, flag: &Flag<'_>) -> Option<&'c Arg> {
    let name = std::str::from_utf8(flag.name).ok()?;
    let is_named = |arg: &&Arg| {
        let shorts = arg.get_short_and_visible_aliases().unwrap_or_default();
        let short = shorts.into_iter().any(|short| name.chars().eq([short]));
        short || arg.get_long() == Some(name)
    };
    command.get_arguments().find(is_named)
}

fn take(
    sorted: &mut Sorted,
    known: &Arg,
    flag: &Flag<'_>,
    arguments: &mut impl Iterator<Item = OsString>,
) -> Result<(), UsageError> {
    let long = OsString::from(format!("--{}", known.get_long().unwrap_or_default()));
    if matches!(known.get_action(), ArgAction::SetTrue) {
        // The last one wins, so what was said before does not count.
        sorted.flags.retain(|earlier| *earlier != long);
        if truth(flag)? {
            sorted.flags.push(long);
        }
        return Ok(());
    }
    let value = match flag.value {
        Some(value) => OsString::from_vec(value.to_vec()),
        None => arguments.next().ok_or_else(|| UsageError::NoArgument { flag: flag.written() })?,
    };
    let mut joined = long;
    joined.push("=");
    joined.push(value);
    sorted.flags.push(joined);
    Ok(())
}

/// The words that Go reads as a boolean.
fn truth(flag: &Flag<'_>) -> Result<bool, UsageError> {
    match flag.value {
        None => Ok(true),
        Some(b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True") => Ok(true),
        Some(b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False") => Ok(false),
        Some(other) => Err(UsageError::NoBoolean {
            flag: flag.written(),
            found: String::from_utf8_lossy(other).into_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command() -> Command {
        let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let valued = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Set);
        Command::new("test")
            .arg(switch("keep"))
            .arg(switch("detach").short('d'))
            .arg(valued("bundle").short('b'))
            .arg(valued("no-subreaper").action(ArgAction::SetTrue))
            .arg(valued("env").short('e').action(ArgAction::Append))
    }

    fn sorted(order: Order, argv: &[&str]) -> Result<Sorted, UsageError> {
        sort(&command(), order, argv.iter().map(OsString::from).collect())
    }

    fn assert_sorted(argv: &[&str], flags: &[&str], rest: &[&str]) {
        let found = sorted(Order::Mixed, argv).unwrap();
        assert_eq!(found.flags, flags, "{argv:?}");
        assert_eq!(found.rest, rest, "{argv:?}");
    }

    #[test]
    fn one_dash_or_two_with_or_without_equals() {
        for bundle in [
            &["-b", "/x"][..],
            &["--b", "/x"],
            &["-b=/x"],
            &["-bundle", "/x"],
            &["-bundle=/x"],
            &["--bundle", "/x"],
            &["--bundle=/x"],
        ] {
            assert_sorted(&[bundle, &["id"]].concat(), &["--bundle=/x"], &["id"]);
        }
        assert_sorted(&["-no-subreaper", "id"], &["--no-subreaper"], &["id"]);
        assert_sorted(&["--bundle=a=b", "--bundle="], &["--bundle=a=b", "--bundle="], &[]);
    }

    #[test]
    fn a_flag_takes_the_next_argument_whatever_it_is() {
        assert_sorted(&["-b", "--keep", "id"], &["--bundle=--keep"], &["id"]);
        assert_sorted(&["-b", "--", "id"], &["--bundle=--"], &["id"]);
        let error = sorted(Order::Mixed, &["id", "--bundle"]).unwrap_err();
        assert_eq!(error.to_string(), "flag needs an argument: -bundle");
    }

    #[test]
    fn switches_take_gos_booleans_and_the_last_wins() {
        assert_sorted(&["--keep=true", "-d=1", "id"], &["--keep", "--detach"], &["id"]);
        assert_sorted(&["--keep", "--keep=false", "id"], &[], &["id"]);
        assert_sorted(&["--keep=F", "--keep=T", "id"], &["--keep"], &["id"]);
        let error = sorted(Order::Mixed, &["--keep=xx", "id"]).unwrap_err();
        assert_eq!(error.to_string(), "invalid boolean value \"xx\" for -keep: parse error");
    }

    #[test]
    fn flags_are_found_behind_the_id() {
        assert_sorted(&["id", "--keep", "-b", "/x"], &["--keep", "--bundle=/x"], &["id"]);
        assert_sorted(&["id", "-9"], &[], &["id", "-9"]);
        assert_sorted(&["--", "--keep", "id"], &[], &["--keep", "id"]);
        assert_sorted(&["id", "--", "--keep"], &[], &["id", "--keep"]);
        assert_sorted(&["-", "id"], &[], &["-", "id"]);
    }

    #[test]
    fn a_command_that_follows_the_id_keeps_its_flags() {
        let argv = ["-d", "-e", "A=1", "id", "ls", "-d", "--", "--bogus"];
        let found = sorted(Order::FlagsFirst, &argv).unwrap();
        assert_eq!(found.flags, ["--detach", "--env=A=1"]);
        assert_eq!(found.rest, ["id", "ls", "-d", "--", "--bogus"]);
        let found = sorted(Order::FlagsFirst, &["-d", "--", "id", "--help"]).unwrap();
        assert_eq!(found.rest, ["id", "--help"]);
        assert!(!found.help);
    }

    #[test]
    fn an_unknown_flag_is_named() {
        for argv in [&["--bogus", "id"][..], &["-bogus=1"], &["-dk"], &["---keep"]] {
            let error = sorted(Order::Mixed, argv).unwrap_err();
            assert!(matches!(error, UsageError::UnknownFlag { .. }), "{argv:?}: {error}");
        }
    }

    #[test]
    fn help_is_asked_for_anywhere() {
        for argv in [&["-h"][..], &["--help"], &["id", "--help"], &["-help", "id"]] {
            assert!(sorted(Order::Mixed, argv).unwrap().help, "{argv:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_pass_through() {
        let value = OsString::from_vec(b"--bundle=/\xff".to_vec());
        let found = sort(&command(), Order::Mixed, vec![value.clone()]).unwrap();
        assert_eq!(found.flags, [value]);
    }
}
