//! Reading the forms in which the kernel shows numbers.

use std::collections::BTreeMap;

use super::{Pressure, PressureLine};
use crate::cgroups::dir::{Dir, is_gone};
use crate::cgroups::error::Error;

/// A file's text; `None` where the kernel has no such file, or tells nothing through it (`EOPNOTSUPP`: pressure that is
/// switched off).
pub(super) fn text(dir: &Dir, file: &str) -> Result<Option<String>, Error> {
    match dir.read_text(file) {
        Ok(text) => Ok(Some(text)),
        Err(source) if is_gone(&source) || source.raw_os_error() == Some(libc::EOPNOTSUPP) => {
            Ok(None)
        }
        Err(source) => Err(Error::Read { path: dir.file(file), source }),
    }
}

/// One number; `max` is the largest there is, and no file is 0.
pub(super) fn number(dir: &Dir, file: &str) -> Result<u64, Error> {
    Ok(text(dir, file)?.map_or(0, |text| parse(text.trim())))
}

/// All numbers of a file.
pub(super) fn numbers(dir: &Dir, file: &str) -> Result<Vec<u64>, Error> {
    let text = text(dir, file)?.unwrap_or_default();
    Ok(text.split_whitespace().map(parse).collect())
}

/// A file with a name and a number in each line.
pub(super) fn table(dir: &Dir, file: &str) -> Result<BTreeMap<String, u64>, Error> {
    let text = text(dir, file)?.unwrap_or_default();
    let row = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        Some((name.to_owned(), parse(value)))
    };
    Ok(text.lines().filter_map(row).collect())
}

/// A list such as `0-3,7`.
pub(super) fn list(dir: &Dir, file: &str) -> Result<Vec<u32>, Error> {
    Ok(text(dir, file)?.map_or_else(Vec::new, |text| parse_list(text.trim())))
}

/// A pressure file.
pub(super) fn pressure(dir: &Dir, file: &str) -> Result<Option<Pressure>, Error> {
    Ok(text(dir, file)?.map(|text| parse_pressure(&text)))
}

pub(super) fn parse(text: &str) -> u64 {
    if text == "max" { u64::MAX } else { text.parse().unwrap_or(0) }
}

fn parse_list(text: &str) -> Vec<u32> {
    let mut all = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            all.extend(first..=last);
        }
    }
    all
}

fn parse_pressure(text: &str) -> Pressure {
    let mut pressure = Pressure::default();
    for line in text.lines() {
        let mut words = line.split(' ');
        let kind = words.next();
        let mut read = PressureLine::default();
        for word in words {
            match word.split_once('=') {
                Some(("avg10", value)) => read.avg10 = value.parse().unwrap_or(0.0),
                Some(("avg60", value)) => read.avg60 = value.parse().unwrap_or(0.0),
                Some(("avg300", value)) => read.avg300 = value.parse().unwrap_or(0.0),
                Some(("total", value)) => read.total = parse(value),
                _ => {}
            }
        }
        match kind {
            Some("some") => pressure.some = read,
            Some("full") => pressure.full = read,
            _ => {}
        }
    }
    pressure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_ranges() {
        assert_eq!(parse_list("0-2,7"), [0, 1, 2, 7]);
        assert_eq!(parse_list(""), [0; 0]);
    }

    #[test]
    fn pressure_has_two_lines() {
        let text = "some avg10=1.50 avg60=0.00 avg300=0.25 total=123\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        let some = PressureLine { avg10: 1.5, avg60: 0.0, avg300: 0.25, total: 123 };
        let full = PressureLine { total: 7, ..PressureLine::default() };
        assert_eq!(parse_pressure(text), Pressure { some, full });
    }
}
