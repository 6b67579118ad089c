//! Taking a field out of a configuration.
//!
//! A field is written as the page writes it: `process.user.uid`, `mounts[].source` (of all mounts), `hooks.*[].path`
//! (of all kinds of hooks), `linux.timeOffsets{}.secs` (of all clocks), `mounts[].options=ro` (that word among the
//! options of all mounts), `mounts[].options=any other` (all words without a row of their own).

use std::env;

use serde_json::Value;

use crate::Page;

/// The environment variable that names the field.
pub const VARIABLE: &str = "CREEL_TEST_TAKE_OUT";

/// The words that stand for those without a row.
const ANY_OTHER: &str = "any other";

/// Whether tests run without a field.
pub fn is_taken_out() -> bool {
    env::var_os(VARIABLE).is_some()
}

/// Takes the field that the environment names out of a whole configuration, if it names one.
pub fn take_out(config: &mut Value) {
    take_out_below("", config);
}

/// As [`take_out`], for the part of a configuration that stands at `path`, such as `linux.resources`.
pub fn take_out_below(path: &str, part: &mut Value) {
    let Ok(field) = env::var(VARIABLE) else { return };
    let below = match path {
        "" => Some(field.as_str()),
        path => field.strip_prefix(path).map(|rest| rest.strip_prefix('.').unwrap_or(rest)),
    };
    if let Some(below) = below.filter(|below| !below.is_empty()) {
        remove(part, below);
    }
}

/// Takes a field out, wherever it stands.
pub fn remove(value: &mut Value, field: &str) {
    let (name, rest) = match field.find(['.', '[', '{', '=']) {
        Some(end) => field.split_at(end),
        None => (field, ""),
    };
    match name {
        "" => inside(value, rest),
        "*" => members(value).for_each(|member| inside(member, rest)),
        name if rest.is_empty() => {
            value.as_object_mut().map(|object| object.remove(name));
        }
        name => {
            if let Some(member) = value.get_mut(name) {
                inside(member, rest);
            }
        }
    }
}

/// Goes on with what follows a name.
fn inside(value: &mut Value, rest: &str) {
    if let Some(rest) = rest.strip_prefix("[]") {
        let elements = value.as_array_mut().into_iter().flatten();
        elements.for_each(|element| inside(element, rest));
    } else if let Some(rest) = rest.strip_prefix("{}") {
        members(value).for_each(|member| inside(member, rest));
    } else if let Some(word) = rest.strip_prefix('=') {
        remove_word(value, word);
    } else if let Some(rest) = rest.strip_prefix('.') {
        remove(value, rest);
    }
}

fn members(value: &mut Value) -> impl Iterator<Item = &mut Value> {
    value.as_object_mut().into_iter().flat_map(|object| object.values_mut())
}

fn remove_word(list: &mut Value, word: &str) {
    let Some(list) = list.as_array_mut() else { return };
    let page = Page::read();
    let known = page.options();
    list.retain(|given| match word {
        ANY_OTHER => given.as_str().is_none_or(|given| known.contains(&given)),
        word => given != word,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn without(mut config: Value, field: &str, left: Value) {
        remove(&mut config, field);
        assert_eq!(config, left, "{field}");
    }

    #[test]
    fn members_go_wherever_they_stand() {
        without(json!({"a": 1, "b": 2}), "a", json!({"b": 2}));
        without(json!({"a": {"b": 1, "c": 2}}), "a.b", json!({"a": {"c": 2}}));
        without(json!({"a": [{"b": 1}, {"c": 2}]}), "a[].b", json!({"a": [{}, {"c": 2}]}));
        without(json!({"a": {"x": {"b": 1}, "y": {}}}), "a{}.b", json!({"a": {"x": {}, "y": {}}}));
        without(
            json!({"h": {"x": [{"p": 1, "q": 2}], "y": []}}),
            "h.*[].p",
            json!({"h": {"x": [{"q": 2}], "y": []}}),
        );
        without(json!({"a": 1}), "b.c[].d", json!({"a": 1}));
    }

    #[test]
    fn words_go_out_of_options() {
        let mounts = |words: Value| json!({"mounts": [{"options": words}, {}]});
        without(mounts(json!(["ro", "nosuid"])), "mounts[].options=ro", mounts(json!(["nosuid"])));
        without(
            mounts(json!(["ro", "size=1k"])),
            "mounts[].options=any other",
            mounts(json!(["ro"])),
        );
    }
}
