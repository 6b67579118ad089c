//! `ociVersion` (config.md, Specification version).

use super::CheckError;

const ALLOWED: &str = "a version 1 of runtime-spec, such as \"1.3.0\"";

/// All of version 1 is read with the rules of 1.3, for within a major version the specification only
/// grows. Before 1.0.0 properties had other names, which would be ignored.
pub(super) fn check(version: &str) -> Result<(), CheckError> {
    if version.is_empty() {
        return Err(CheckError::missing("ociVersion", ALLOWED));
    }
    match major(version) {
        Some(1) => Ok(()),
        _ => Err(CheckError::unsupported("ociVersion", version, ALLOWED)),
    }
}

/// Whether a limit of 0 processes means that there is none: what is written by version 1.2 or earlier cannot leave the
/// limit out, whose zero value every runtime took for none. 1.3 made it optional, and 0 a limit as others.
pub(crate) fn zero_pids_is_no_limit(version: &str) -> bool {
    numbers(version).is_some_and(|(major, minor)| (major, minor) < (1, 3))
}

/// The major number of a version.
fn major(version: &str) -> Option<u64> {
    numbers(version).map(|(major, _)| major)
}

/// The major and the minor number of a SemVer 2.0.0 version; `None` if it is not one.
fn numbers(version: &str) -> Option<(u64, u64)> {
    let (without_build, build) = split_off(version, '+');
    let (numbers, pre_release) = split_off(without_build, '-');
    let mut parts = numbers.split('.');
    let (major, minor, patch) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let suffixes = [build, pre_release].into_iter().flatten().all(identifiers);
    let (major, minor, _) = (number(major)?, number(minor)?, number(patch)?);
    suffixes.then_some((major, minor))
}

fn split_off(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn number(part: &str) -> Option<u64> {
    let canonical = part == "0" || !part.starts_with('0');
    let digits = part.bytes().all(|c| c.is_ascii_digit());
    if canonical && digits { part.parse().ok() } else { None }
}

fn identifiers(suffix: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
    suffix.split('.').all(|part| !part.is_empty() && part.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_version_1_is_accepted() {
        for version in ["1.0.0", "1.0.2-dev", "1.3.0", "1.2.0+dev", "1.0.0-rc.5", "1.99.0"] {
            assert_eq!(check(version), Ok(()), "{version}");
        }
    }

    #[test]
    fn zero_is_a_limit_of_processes_from_1_3_on() {
        for version in ["1.0.2-dev", "1.1.0+dev", "1.2.1"] {
            assert!(zero_pids_is_no_limit(version), "{version}");
        }
        for version in ["1.3.0", "1.3.0-rc.1", "1.10.0", "2.0.0", "foo", ""] {
            assert!(!zero_pids_is_no_limit(version), "{version}");
        }
    }

    #[test]
    fn others_are_named() {
        for version in [
            "2.0.0",
            "10.0.0",
            "foo",
            "1",
            "1.0",
            "1.0.0.0",
            "v1.0.0",
            "1.0.x",
            "01.0.0",
            "0.5.0-dev",
            "1.0.0-",
            "1.0.0-a b",
            " 1.0.0",
        ] {
            assert_eq!(
                check(version),
                Err(CheckError::unsupported("ociVersion", version, ALLOWED)),
                "{version}"
            );
        }
        assert_eq!(check(""), Err(CheckError::missing("ociVersion", ALLOWED)));
    }
}
