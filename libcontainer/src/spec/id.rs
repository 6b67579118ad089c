//! Which names a container may have.

use std::fmt;

/// The longest id, in bytes: it names a directory (`NAME_MAX`, path_resolution(7)).
pub const MAX_ID_LENGTH: usize = 255;

/// Why a name cannot be a container's id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// The id is the empty string.
    Empty,
    /// The id has a character that is not allowed.
    Character {
        /// The id.
        id: String,
        /// The first offending character.
        found: char,
    },
    /// The id is `.` or `..`, which name directories already.
    Reserved {
        /// The id.
        id: String,
    },
    /// The id has more than [`MAX_ID_LENGTH`] bytes.
    TooLong {
        /// How many bytes it has.
        length: usize,
    },
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the container id is empty, give one"),
            Self::Character { id, found } => write!(
                f,
                "invalid container id {id:?}: {found:?} is not allowed, \
                 use letters, digits, '_', '+', '-' and '.'"
            ),
            Self::Reserved { id } => {
                write!(f, "invalid container id {id:?}: the name is reserved, use another")
            }
            Self::TooLong { length } => write!(
                f,
                "invalid container id: it has {length} bytes, at most {MAX_ID_LENGTH} are allowed"
            ),
        }
    }
}

impl std::error::Error for IdError {}

/// Checks a container's id: ASCII letters, digits, `_`, `+`, `-` and `.`, but not `.` or `..`.
///
/// # Errors
/// [`IdError`] says what is wrong with it.
pub fn check_id(id: &str) -> Result<(), IdError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '.');
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_LENGTH {
        return Err(IdError::TooLong { length: id.len() });
    }
    if let Some(found) = id.chars().find(|&c| !allowed(c)) {
        return Err(IdError::Character { id: id.to_owned(), found });
    }
    if matches!(id, "." | "..") {
        return Err(IdError::Reserved { id: id.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_pass() {
        let longest = "a".repeat(MAX_ID_LENGTH);
        for id in ["a", "web-1", "A_b.c+d", "...", "-x", "0", longest.as_str()] {
            assert_eq!(check_id(id), Ok(()), "{id}");
        }
    }

    #[test]
    fn what_leaves_the_state_directory_is_refused() {
        assert_eq!(check_id(""), Err(IdError::Empty));
        for id in [".", ".."] {
            assert_eq!(check_id(id), Err(IdError::Reserved { id: id.into() }));
        }
        for (id, found) in
            [("a/b", '/'), ("../x", '/'), ("a b", ' '), ("\u{e9}", '\u{e9}'), ("a\0", '\0')]
        {
            assert_eq!(check_id(id), Err(IdError::Character { id: id.into(), found }), "{id:?}");
        }
        let long = "a".repeat(MAX_ID_LENGTH + 1);
        assert_eq!(check_id(&long), Err(IdError::TooLong { length: MAX_ID_LENGTH + 1 }));
    }

    #[test]
    fn the_message_names_the_id_and_what_is_allowed() {
        let text = check_id("a/b").unwrap_err().to_string();
        assert!(text.contains("\"a/b\"") && text.contains("'/'"), "{text}");
    }
}
