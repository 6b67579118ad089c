//! `-` in the place of a file: JSON from standard input.

use std::io::{self, Read};

use libcontainer::spec::{LoadError, MAX_CONFIG_SIZE, ParseError};

/// Read as it is, since what is no file, such as a socket, cannot be opened again by its name.
pub(super) fn read<T>(parse: impl Fn(&[u8]) -> Result<T, ParseError>) -> Result<T, LoadError> {
    let file = || "(standard input)".into();
    let mut text = Vec::new();
    let read = io::stdin().take(MAX_CONFIG_SIZE + 1).read_to_end(&mut text);
    read.map_err(|source| LoadError::Read { file: file(), source })?;
    if text.len() as u64 > MAX_CONFIG_SIZE {
        return Err(LoadError::TooLarge { file: file() });
    }
    parse(&text).map_err(|source| LoadError::Parse { file: file(), source })
}
