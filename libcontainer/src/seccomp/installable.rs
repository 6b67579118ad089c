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

/// Bytes as text, two digits each: reading it is a small part of reading the state.
mod hexadecimal {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;
    use std::borrow::Cow;

    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
        let text: String = bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect();
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'a, str>::deserialize(from)?;
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.ok_or_else(|| D::Error::custom("is not hexadecimal"))
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
