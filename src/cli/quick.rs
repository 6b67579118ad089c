//! The command lines of every day, read without clap, which takes longer than a `state` does.
//!
//! What is read here is read as clap would (the tests compare); whatever is unusual, or wrong, is left to it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    slice::Iter,
};

use super::{
    Globals,
    flags::Order::{self, FlagsFirst},
    table::Entry,
};

/// Settings that can be read without clap.
pub(crate) trait Quick {
    /// The settings of a line without flags.
    fn unset() -> Self;

    /// Takes in a flag, by its long or its short name. `None` leaves the line to clap.
    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()>;

    /// Takes in what is no flag, and that is as much as the command takes. `None` leaves the line to clap.
    fn arguments(&mut self, arguments: Vec<String>) -> Option<()>;
}

/// What is said with a flag.
pub(crate) struct Value<'v, 'w> {
    /// Behind the equals sign.
    joined: Option<&'w [u8]>,
    following: &'v mut Iter<'w, OsString>,
}

impl<'w> Value<'_, 'w> {
    /// Of a switch, which has none.
    pub(crate) fn switch(&mut self) -> Option<bool> {
        self.joined.is_none().then_some(true)
    }

    /// A path, or anything else that need not be text.
    pub(crate) fn path(&mut self) -> Option<PathBuf> {
        self.any().map(PathBuf::from)
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        self.any()?.to_str().map(str::to_owned)
    }

    /// A number of digits alone.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let text = self.any()?.to_str()?;
        text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())?
    }

    fn any(&mut self) -> Option<&'w OsStr> {
        let value = match self.joined {
            Some(value) => OsStr::from_bytes(value),
            None => self.following.next()?,
        };
        // Not every setting can be empty.
        (!value.is_empty()).then_some(value)
    }
}

/// Reads what follows a command's name.
pub(super) fn read<T: Quick>(entry: &Entry, argv: &[OsString]) -> Option<T> {
    let (mut settings, rest) = sort::<T>(entry.order, argv)?;
    let arguments = rest.into_iter().map(|word| word.to_str().map(str::to_owned));
    let arguments: Vec<String> = arguments.collect::<Option<_>>()?;
    if !entry.count.allows(arguments.len()) {
        return None;
    }
    settings.arguments(arguments)?;
    Some(settings)
}

/// Reads the global flags; returns how many words they are.
pub(super) fn globals(argv: &[OsString]) -> Option<(Globals, usize)> {
    let (globals, rest) = sort::<Globals>(FlagsFirst, argv)?;
    (!rest.is_empty()).then(|| (globals, argv.len() - rest.len()))
}

fn sort<T: Quick>(order: Order, argv: &[OsString]) -> Option<(T, Vec<&OsString>)> {
    let mut settings = T::unset();
    let mut rest = Vec::with_capacity(argv.len());
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.as_bytes().strip_prefix(b"-") else {
            rest.push(word);
            if order == FlagsFirst {
                rest.extend(words);
                break;
            }
            continue;
        };
        let flag = flag.strip_prefix(b"-").unwrap_or(flag);
        let (name, joined) = match flag.iter().position(|&byte| byte == b'=') {
            Some(at) => (&flag[..at], Some(&flag[at + 1..])),
            None => (flag, None),
        };
        settings.flag(name, &mut Value { joined, following: &mut words })?;
    }
    Some((settings, rest))
}

impl Quick for Globals {
    fn unset() -> Self {
        Self {
            debug: false,
            log: None,
            log_format: "text".to_owned(),
            log_level: "warning".to_owned(),
            root: None,
            criu: None,
            systemd_cgroup: false,
            cgroup_manager: None,
            rootless: "auto".to_owned(),
            version: false,
        }
    }

    fn flag(&mut self, name: &[u8], value: &mut Value<'_, '_>) -> Option<()> {
        match name {
            b"debug" => self.debug = value.switch()?,
            b"log" => self.log = Some(value.path()?),
            b"log-format" => self.log_format = value.text()?,
            b"log-level" => self.log_level = value.text()?,
            b"root" => self.root = Some(value.path()?),
            b"systemd-cgroup" => self.systemd_cgroup = value.switch()?,
            b"cgroup-manager" => self.cgroup_manager = Some(value.text()?),
            b"rootless" => self.rootless = value.text()?,
            _ => return None,
        }
        Some(())
    }

    /// The command reads them.
    fn arguments(&mut self, _: Vec<String>) -> Option<()> {
        None
    }
}

#[cfg(test)]
mod tests;
