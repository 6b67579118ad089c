//! A filter as it is saved for exec.

use super::Listener;
use serde::{Deserialize, Serialize};

/// The arguments of seccomp(2), SECCOMP_SET_MODE_FILTER.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installable {
    /// SECCOMP_FILTER_FLAG_*.
    pub(crate) flags: u32,
    /// struct sock_filter, 8 bytes each.
    #[serde(with = "hexadecimal")]
    pub(crate) program: Vec<u8>,
    /// Who gets the notifications, when the filter makes any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) listener: Option<Listener>,
}

/// Bytes as text, two digits each. The state is written several times at a start, and read by every command: both
/// ways are made for speed.
mod hexadecimal {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;
    use std::borrow::Cow;

    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let mut text = Vec::with_capacity(2 * bytes.len());
        for byte in bytes {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            text.extend_from_slice(&[DIGITS[high], DIGITS[low]]);
        }
        to.serialize_str(&String::from_utf8(text).unwrap_or_default())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'a, str>::deserialize(from)?;
        let mut bytes = Vec::with_capacity(text.len() / 2);
        for pair in text.as_bytes().chunks(2) {
            match pair {
                [high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.push(value(*high) << 4 | value(*low));
                }
                _ => return Err(D::Error::custom("is not hexadecimal")),
            }
        }
        Ok(bytes)
    }

    /// Of a digit.
    fn value(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_again() {
        let listener = Listener { path: "/run/agent.sock".into(), metadata: Some("x".to_owned()) };
        let filter =
            Installable { flags: 4, program: (0..=255).collect(), listener: Some(listener) };
        let text = serde_json::to_string(&filter).unwrap();
        assert!(text.contains("\"000102"), "{text}");
        assert_eq!(serde_json::from_str::<Installable>(&text).unwrap(), filter);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for text in [r#"{"flags":0,"program":"0"}"#, r#"{"flags":0,"program":"0g"}"#] {
            assert!(serde_json::from_str::<Installable>(text).is_err(), "{text}");
        }
    }
}
