//! Plans as text that can be read: JSON with short values on one line, and one line per step.

use crate::plan::{Plan, Planned};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

/// A step fits, so that a difference shows as one line.
const WIDTH: usize = 250;

/// JSON in which every value that fits stands on one line.
pub(super) fn json(value: &impl Serialize) -> String {
    let mut out = String::new();
    fit(&serde_json::to_string(value).unwrap(), 0, &mut out);
    out
}

fn fit(json: &str, indent: usize, out: &mut String) {
    let last = json.len() - 1;
    if indent + json.len() <= WIDTH || !json.starts_with(['{', '[']) {
        out.push_str(json);
        return;
    }
    out.push_str(&json[..1]);
    for (index, part) in parts(json).into_iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(indent + 1));
        let value = match member(part).filter(|_| json.starts_with('{')) {
            Some((name, value)) => {
                out.push_str(&format!("\"{name}\": "));
                value
            }
            None => part,
        };
        fit(value, indent + 1, out);
    }
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    out.push_str(&json[last..]);
}

/// The members of an object, or the elements of an array, of compact JSON.
fn parts(json: &str) -> Vec<&str> {
    let inside = &json[1..json.len() - 1];
    let (mut depth, mut quoted, mut escaped, mut begin) = (0, false, false, 0);
    let mut parts = Vec::new();
    for (at, byte) in inside.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&inside[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if begin < inside.len() {
        parts.push(&inside[begin..]);
    }
    parts
}

/// Name and value of a member; no name here has a quote in it.
fn member(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('"')?.split_once("\":")
}

/// The steps, a line each: where it comes from, what it is called, and its fields but for those that are
/// 0, false or empty.
pub(super) fn steps(planned: &[Planned]) -> String {
    lines(planned).join("\n")
}

/// The names of the steps.
pub(super) fn names(planned: &[Planned]) -> Vec<String> {
    planned.iter().map(|planned| step(planned).0).collect()
}

/// The lines in which two plans differ, of the steps with the neighbours' names around them.
pub(super) fn changes(before: &Plan, after: &Plan) -> String {
    let mut text = Vec::new();
    for (tag, line) in compared(&settings(before), &settings(after)) {
        match tag {
            ChangeTag::Equal => {}
            ChangeTag::Delete => text.push(format!("- {line}")),
            ChangeTag::Insert => text.push(format!("+ {line}")),
        }
    }
    let mut around = Around::default();
    for (tag, line) in compared(&lines(&before.inside), &lines(&after.inside)) {
        match tag {
            ChangeTag::Equal => around.same(&mut text, &line),
            ChangeTag::Delete => around.differs(&mut text, format!("- {line}")),
            ChangeTag::Insert => around.differs(&mut text, format!("+ {line}")),
        }
    }
    text.join("\n")
}

fn compared(before: &[String], after: &[String]) -> Vec<(ChangeTag, String)> {
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    let diff = TextDiff::from_slices(&before, &after);
    diff.iter_all_changes().map(|change| (change.tag(), change.value().to_owned())).collect()
}

/// Shows the unchanged steps just before and after a changed one, by name alone.
#[derive(Default)]
struct Around {
    last: Option<String>,
    changed: bool,
}

impl Around {
    fn same(&mut self, text: &mut Vec<String>, line: &str) {
        let name = line.split(' ').find(|word| !word.ends_with(':')).unwrap_or(line);
        let shown = format!("  {name}");
        if std::mem::take(&mut self.changed) {
            text.push(shown);
            self.last = None;
        } else {
            self.last = Some(shown);
        }
    }

    fn differs(&mut self, text: &mut Vec<String>, line: String) {
        text.extend(self.last.take());
        text.push(line);
        self.changed = true;
    }
}

/// Everything of a plan but the steps, a line each.
fn settings(plan: &Plan) -> Vec<String> {
    let json = serde_json::to_string(plan).unwrap();
    let mut settings = Vec::new();
    for (name, value) in parts(&json).into_iter().filter_map(member) {
        match value.as_bytes()[0] {
            _ if name == "inside" => {}
            b'{' => settings.extend(
                parts(value)
                    .into_iter()
                    .filter_map(member)
                    .map(|(below, value)| format!("{name}.{below} = {value}")),
            ),
            _ => settings.push(format!("{name} = {value}")),
        }
    }
    settings
}

fn lines(planned: &[Planned]) -> Vec<String> {
    planned.iter().map(line).collect()
}

fn line(planned: &Planned) -> String {
    let (name, json) = step(planned);
    let mut line = match planned.origin.as_str() {
        "" => name,
        origin => format!("{origin}: {name}"),
    };
    for (field, value) in parts(&json).into_iter().filter_map(member) {
        let told = !matches!(field, "origin" | "step");
        if told && !matches!(value, "0" | "false" | "\"\"" | "[]") {
            line.push_str(&format!(" {field}={}", shown(field, value)));
        }
    }
    line
}

/// The name of a step, and all of it as JSON.
fn step(planned: &Planned) -> (String, String) {
    let json = serde_json::to_string(planned).unwrap();
    let name = parts(&json).into_iter().filter_map(member).find(|(field, _)| *field == "step");
    (name.unwrap().1.trim_matches('"').to_owned(), json)
}

/// Bits in hexadecimal, permissions in octal, texts without quotes.
fn shown(field: &str, value: &str) -> String {
    if field == "value" {
        return String::from_utf8(serde_json::from_str(value).unwrap()).unwrap();
    }
    match (field, value.parse::<u64>()) {
        ("mode" | "mask", Ok(number)) => format!("{number:#o}"),
        ("uid" | "gid" | "major" | "minor" | "rows" | "columns" | "first" | "timeout", _)
        | ("resource" | "soft" | "hard" | "stdin" | "listener" | "namespace", _) => {
            value.to_owned()
        }
        (_, Ok(number)) => format!("{number:#x}"),
        (_, Err(_)) => value.trim_matches('"').to_owned(),
    }
}
