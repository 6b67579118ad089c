//! Where in a JSON document something stands, written as `linux.namespaces[2].type`.

use serde_json::Value;

/// Joins an object's path and a member's name; the path of the document itself is empty.
pub(super) fn member(parent: &str, name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match (parent.is_empty(), name.chars().all(plain)) {
        (true, true) => name.to_owned(),
        (false, true) => format!("{parent}.{name}"),
        // A key with dots or slashes in it would read as several members.
        (_, false) => format!("{parent}[{name:?}]"),
    }
}

/// What stands on a line of a document.
pub(super) struct Place<'v> {
    pub(super) path: String,
    pub(super) value: &'v Value,
    /// Whether it is the line that closes the value, an object or an array, not the one that opens it.
    pub(super) closes: bool,
}

/// Finds what stands on a line, counted from 1, of the document as [`serde_json::to_string_pretty`]
/// writes it.
pub(super) fn at_line(document: &Value, line: usize) -> Place<'_> {
    let (mut path, mut value, mut first) = (String::new(), document, 1);
    'deeper: while first < line {
        let mut next = first + 1;
        for (segment, inner) in children(value) {
            if line < next + lines(inner) {
                (path, value, first) = (segment.below(&path), inner, next);
                continue 'deeper;
            }
            next += lines(inner);
        }
        break;
    }
    Place { path, value, closes: first < line }
}

impl<'v> Place<'v> {
    /// The last of what is directly in the value, if it has nothing in itself.
    pub(super) fn last_leaf(&self) -> Option<Place<'v>> {
        let (segment, value) = children(self.value).pop()?;
        let path = segment.below(&self.path);
        (lines(value) == 1).then_some(Place { path, value, closes: false })
    }
}

/// One step from a value to a value in it.
enum Segment<'v> {
    Member(&'v str),
    Element(usize),
}

impl Segment<'_> {
    fn below(&self, path: &str) -> String {
        match self {
            Self::Member(name) => member(path, name),
            Self::Element(index) => format!("{path}[{index}]"),
        }
    }
}

/// What is directly in a value, in the order in which it is written.
fn children(value: &Value) -> Vec<(Segment<'_>, &Value)> {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (Segment::Member(name), value)).collect()
        }
        Value::Array(elements) => {
            let numbered = elements.iter().enumerate();
            numbered.map(|(index, value)| (Segment::Element(index), value)).collect()
        }
        _ => Vec::new(),
    }
}

/// How many lines a value takes: one, or one for each bracket and those of what is in it.
fn lines(value: &Value) -> usize {
    let inner: usize = match value {
        Value::Object(members) => members.values().map(lines).sum(),
        Value::Array(elements) => elements.iter().map(lines).sum(),
        _ => 0,
    };
    if inner == 0 { 1 } else { inner + 2 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each line of a written document leads back to what is written there.
    #[test]
    fn a_line_is_where_its_value_stands() {
        let document = json!({
            "a": {}, "b": [], "c": [1, [true], {"d": "two\nlines", "e.f": null}], "g": {"h": {"i": 0}},
        });
        let expected = [
            ("", "{"),
            ("a", "\"a\": {},"),
            ("b", "\"b\": [],"),
            ("c", "\"c\": ["),
            ("c[0]", "1,"),
            ("c[1]", "["),
            ("c[1][0]", "true"),
            ("c[1]", "],"),
            ("c[2]", "{"),
            ("c[2].d", "\"d\": \"two\\nlines\","),
            ("c[2][\"e.f\"]", "\"e.f\": null"),
            ("c[2]", "}"),
            ("c", "],"),
            ("g", "\"g\": {"),
            ("g.h", "\"h\": {"),
            ("g.h.i", "\"i\": 0"),
            ("g.h", "}"),
            ("g", "}"),
            ("", "}"),
        ];
        let text = serde_json::to_string_pretty(&document).unwrap();
        let found: Vec<_> = (1..).zip(text.lines()).collect();
        assert_eq!(found.len(), expected.len());
        for ((number, line), (path, shown)) in found.into_iter().zip(expected) {
            assert_eq!((at_line(&document, number).path.as_str(), line.trim()), (path, shown));
        }
        assert_eq!(at_line(&document, 0).value, &document);
        assert_eq!(at_line(&document, 16).value, &json!(0));
        assert!(at_line(&document, 17).closes && !at_line(&document, 15).closes);
        assert_eq!(at_line(&document, 17).last_leaf().unwrap().path, "g.h.i");
        assert!(at_line(&document, 18).last_leaf().is_none());
    }

    #[test]
    fn a_key_that_is_no_plain_name_is_quoted() {
        assert_eq!(member("", "linux"), "linux");
        assert_eq!(member("linux", "sysctl"), "linux.sysctl");
        assert_eq!(member("linux.sysctl", "net.ipv4"), "linux.sysctl[\"net.ipv4\"]");
    }
}
