//! Annotations `org.systemd.property.NAME`: further properties of the unit, their values in
//! GVariant's text format (GLib, "GVariant Text Format"), as far as unit properties use it.

use super::error::SystemdError;
use super::unit::Property;
use super::value::Value;

const PREFIX: &str = "org.systemd.property.";

/// The properties that annotations ask for, in the order of their names.
pub(super) fn properties<'a>(
    annotations: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<Vec<Property>, SystemdError> {
    let mut properties = Vec::new();
    for (key, text) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        let wrong =
            |problem| SystemdError::Annotation { key: key.clone(), found: text.clone(), problem };
        if name.len() < 3 || !name.bytes().all(|b| b.is_ascii_alphabetic()) {
            return Err(wrong(
                "is for no property: a name has three letters or more and nothing else",
            ));
        }
        let value = parse(text).ok_or_else(|| {
            wrong("is no value of a unit property; write 'text', true, uint64 5 or ['a', 'b']")
        })?;
        properties
            .push(in_microseconds(name, value).ok_or_else(|| wrong("is no time in seconds"))?);
    }
    properties.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(properties)
}

/// `TimeoutStopSec` is what files have; on the bus it is `TimeoutStopUSec`.
fn in_microseconds(name: &str, value: Value) -> Option<Property> {
    let stem =
        name.strip_suffix("Sec").filter(|stem| stem.ends_with(|c: char| c.is_ascii_lowercase()));
    let Some(stem) = stem else { return Some(Property { name: name.to_owned(), value }) };
    let seconds = match value {
        Value::Byte(n) => f64::from(n),
        Value::I32(n) => f64::from(n),
        Value::U32(n) => f64::from(n),
        Value::I64(n) => n as f64,
        Value::U64(n) => n as f64,
        Value::Double(n) => n,
        _ => return None,
    };
    (seconds >= 0.0).then(|| Property {
        name: format!("{stem}USec"),
        value: Value::U64((seconds * 1_000_000.0) as u64),
    })
}

fn parse(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("@as") {
        return list(rest.trim()).map(Value::Texts);
    }
    if text.starts_with('[') {
        return list(text).filter(|texts| !texts.is_empty()).map(Value::Texts);
    }
    if text.starts_with(['\'', '"']) {
        return quoted(text).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| Value::Text(text));
    }
    match text {
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        _ => {}
    }
    let typed = text.split_once(char::is_whitespace).map(|(kind, number)| (kind, number.trim()));
    match typed {
        Some(("byte", number)) => number.parse().ok().map(Value::Byte),
        Some(("int32", number)) => number.parse().ok().map(Value::I32),
        Some(("uint32", number)) => number.parse().ok().map(Value::U32),
        Some(("int64", number)) => number.parse().ok().map(Value::I64),
        Some(("uint64", number)) => number.parse().ok().map(Value::U64),
        Some(("double", number)) => number.parse().ok().map(Value::Double),
        Some(("string", text)) => parse(text).filter(|value| matches!(value, Value::Text(_))),
        Some(_) => None,
        None if text.contains('.') => text.parse().ok().map(Value::Double),
        None => text.parse().ok().map(Value::I32),
    }
}

/// `['a', 'b']`
fn list(text: &str) -> Option<Vec<String>> {
    let mut rest = text.strip_prefix('[')?.trim_start();
    let mut texts = Vec::new();
    while !rest.starts_with(']') {
        let (text, after) = quoted(rest)?;
        texts.push(text);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.starts_with(']') => after,
            None => return None,
        };
    }
    (rest == "]").then_some(texts)
}

/// A text in quotes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut found = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => found.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                c @ ('\\' | '\'' | '"') => c,
                _ => return None,
            }),
            c if c == quote => return Some((found, &text[at + c.len_utf8()..])),
            c => found.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn property(name: &str, text: &str) -> Result<Property, SystemdError> {
        let (key, text) = (format!("{PREFIX}{name}"), text.to_owned());
        properties([(&key, &text)].into_iter()).map(|mut list| list.remove(0))
    }

    #[test]
    fn values_of_each_type() {
        for (text, value) in [
            ("'inactive-or-failed'", Value::from("inactive-or-failed")),
            ("\"a\\\"b\"", Value::from("a\"b")),
            ("true", Value::Bool(true)),
            ("5", Value::I32(5)),
            ("uint64 123000000", Value::U64(123_000_000)),
            ("['a', \"b\"]", Value::Texts(vec!["a".to_owned(), "b".to_owned()])),
            ("@as []", Value::Texts(Vec::new())),
        ] {
            assert_eq!(property("CollectMode", text).unwrap().value, value, "{text}");
        }
    }

    #[test]
    fn seconds_become_microseconds() {
        let expected = ("TimeoutStopUSec".to_owned(), Value::U64(1_500_000));
        let found = property("TimeoutStopSec", "1.5").unwrap();
        assert_eq!((found.name, found.value), expected);
        let given = property("TimeoutStopUSec", "uint64 7").unwrap();
        assert_eq!((given.name.as_str(), given.value), ("TimeoutStopUSec", Value::U64(7)));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["", "'a", "a", "['a'", "['a' 'b']", "'a' 'b'", "uint64 -1", "[]", "uint9 1"] {
            assert!(property("CollectMode", text).is_err(), "{text}");
        }
        assert!(property("ab", "true").is_err());
        assert!(property("Collect.Mode", "true").is_err());
        assert!(property("TimeoutStopSec", "'long'").is_err());
    }

    #[test]
    fn other_annotations_are_passed_over() {
        let pair = ("org.example".to_owned(), "x".to_owned());
        assert_eq!(properties([(&pair.0, &pair.1)].into_iter()).unwrap(), []);
    }
}
