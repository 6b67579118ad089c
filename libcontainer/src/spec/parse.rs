//! From JSON text to oci-spec's types.
//!
//! The common start takes the straight way: one typed parse. Only when that fails, or when the
//! result is one of the few that oci-spec reads wrongly, the text is parsed a second time as plain
//! JSON, repaired (see [`repair`](super::repair)), written anew and typed again. There each value has
//! a line of its own, so that the line of an error says where in the document it stands.

use std::{borrow::Cow, fmt};

use oci_spec::runtime::{LinuxResources, Process, Spec};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::warning::{Warning, Warnings};
use super::{json_path, repair, strict, tidy};

/// Why a text is not a configuration.
#[derive(Debug)]
#[non_exhaustive]
pub enum ParseError {
    /// The text is not JSON; the source says what is wrong at which line and column.
    Syntax {
        /// The JSON parser's finding.
        source: serde_json::Error,
    },
    /// A property that has to be there is not.
    Missing {
        /// JSON path of the property.
        path: String,
    },
    /// A property has a value of the wrong type, or one that is not supported.
    Value {
        /// JSON path of the property; empty for the document itself.
        path: String,
        /// What stands there, as JSON, shortened.
        found: String,
        /// What may stand there.
        allowed: String,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { .. } => f.write_str("not valid JSON, correct the place named here"),
            Self::Missing { path } => write!(f, "{path} is missing, it has to be given"),
            Self::Value { path, found, allowed } => {
                let place = if path.is_empty() { "the document" } else { path };
                write!(f, "{place}: found {found}, allowed is {allowed}")
            }
        }
    }
}

impl std::error::Error for ParseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Syntax { source } => Some(source),
            Self::Missing { .. } | Self::Value { .. } => None,
        }
    }
}

/// Reads a whole configuration (config.md) from the text of a `config.json`.
///
/// An empty string where the specification's Go types mean "not given" becomes `None`.
///
/// # Errors
/// [`ParseError`] if the text is not JSON or a value is of a wrong type or not supported.
pub fn parse_spec(text: &[u8]) -> Result<(Box<Spec>, Warnings), ParseError> {
    let (mut spec, warnings) = match typed::<Box<Spec>>(text) {
        Some(spec) if !repair::may_be_misread(&spec) => (spec, Warnings::new()),
        _ => parse_repaired(text, repair::spec)?,
    };
    tidy::spec(&mut spec);
    Ok((spec, warnings))
}

/// Reads a `process` object alone, as `exec --process` is given one.
///
/// # Errors
/// As [`parse_spec`].
pub fn parse_process(text: &[u8]) -> Result<(Process, Warnings), ParseError> {
    let repair_alone = |document: &mut Value, warnings: &mut Warnings| {
        repair::strip_nulls(document);
        repair::process(document, "", warnings);
    };
    let (mut process, warnings) = match typed::<Process>(text) {
        Some(process) => (process, Warnings::new()),
        _ => parse_repaired(text, repair_alone)?,
    };
    tidy::process(&mut process);
    Ok((process, warnings))
}

/// Reads a `linux.resources` object alone, as `update --resources` is given one.
///
/// # Errors
/// As [`parse_spec`].
pub fn parse_resources(text: &[u8]) -> Result<LinuxResources, ParseError> {
    let repair_alone = |document: &mut Value, _: &mut Warnings| {
        repair::strip_nulls(document);
        repair::resources(document);
    };
    // Rarely called and never long: the repair is always made.
    let (mut resources, _) = parse_repaired(text, repair_alone)?;
    tidy::resources(&mut resources);
    Ok(resources)
}

/// The straight way. Whether the text is UTF-8 is asked of all of it at once, which takes a tenth of asking it of each string.
fn typed<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    strict::from_str(std::str::from_utf8(text).ok()?).ok()
}

/// The second way, after the typed parse failed or read something wrongly.
fn parse_repaired<T: DeserializeOwned>(
    text: &[u8],
    repair: impl FnOnce(&mut Value, &mut Warnings),
) -> Result<(T, Warnings), ParseError> {
    let text = String::from_utf8_lossy(text);
    let mut warnings = Warnings::new();
    if matches!(text, Cow::Owned(_)) {
        warnings.push(Warning::NotUtf8);
    }
    let mut document: Value =
        serde_json::from_str(&text).map_err(|source| ParseError::Syntax { source })?;
    if !document.is_object() {
        let (path, found) = (String::new(), shortened(&document));
        return Err(ParseError::Value { path, found, allowed: "an object".to_owned() });
    }
    repair(&mut document, &mut warnings);
    // Written with every value on a line of its own, so that the line of an error is a path.
    let lines = serde_json::to_string_pretty(&document);
    let typed = lines.and_then(|lines| strict::from_str::<T>(&lines));
    let typed = typed.map_err(|error| explain(&document, &error))?;
    Ok((typed, warnings))
}

/// Turns serde's one sentence into the three things a user needs: where, what, and what instead.
fn explain(document: &Value, error: &serde_json::Error) -> ParseError {
    let sentence = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let sentence = sentence.strip_suffix(&place).unwrap_or(&sentence);
    let mut place = json_path::at_line(document, error.line());
    if let Some(name) = quoted_after(sentence, "missing field ") {
        return ParseError::Missing { path: json_path::member(&place.path, name) };
    }
    // The name of an object's first member, taken for the variant of an enumeration.
    if quoted_after(sentence, "unknown variant ").is_some() && !place.value.is_string() {
        place = json_path::at_line(document, error.line().saturating_sub(1));
    }
    // An array in the place of a struct is refused when its first element was looked at.
    let in_place_of_struct = sentence.starts_with("invalid type: sequence, expected struct ");
    let before = json_path::at_line(document, error.line().saturating_sub(1));
    if in_place_of_struct && before.value.get(0) == Some(place.value) && *place.value != json!([]) {
        place = before;
    }
    // What oci-spec refuses after serde has read it is noticed one token late.
    if place.closes && !sentence.starts_with("invalid length ") {
        place = place.last_leaf().unwrap_or(place);
    }
    let found = shortened(place.value);
    let allowed = match sentence.split_once(", expected ") {
        Some((_, expected)) => in_words(expected),
        None if sentence.starts_with("Invalid execCPUAffinity") => {
            Cow::Borrowed("a list of processors, such as \"0-3,7\"")
        }
        None => Cow::Borrowed(sentence),
    };
    ParseError::Value { path: place.path, found, allowed: allowed.into_owned() }
}

/// What stands between backticks after the lead.
fn quoted_after<'s>(sentence: &'s str, lead: &str) -> Option<&'s str> {
    let (quoted, _) = sentence.strip_prefix(lead)?.strip_prefix('`')?.split_once('`')?;
    Some(quoted)
}

/// Rust's names of types say nothing to who writes JSON.
fn in_words(expected: &str) -> Cow<'_, str> {
    Cow::Borrowed(match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 to 18446744073709551615",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" => "a whole number from -9223372036854775808 to 9223372036854775807",
        "a boolean" => "true or false",
        "path string" => "a string",
        "a sequence" => "an array",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => return Cow::Owned(other.replace('`', "\"")),
    })
}

const SHOWN: usize = 80;

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
