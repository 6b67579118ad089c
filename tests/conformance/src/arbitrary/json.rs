//! JSON values out of smaller ones.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Just, Strategy};
use serde_json::{Map, Value, json};

/// A strategy for a JSON value.
pub(super) type Json = BoxedStrategy<Value>;

/// A member of an object, which is there with this probability.
pub(super) type Member = (&'static str, f64, Json);

/// An object with some of these members.
pub(super) fn object(members: Vec<Member>) -> Json {
    let one = |(name, probability, value): Member| match probability {
        1.0.. => value.prop_map(move |value| Some((name, value))).boxed(),
        _ => {
            let named = value.prop_map(move |value| (name, value));
            weighted(probability, named).boxed()
        }
    };
    let members: Vec<_> = members.into_iter().map(one).collect();
    let gather = |members: Vec<Option<(&'static str, Value)>>| {
        let present = members.into_iter().flatten();
        Value::Object(present.map(|(name, value)| (name.to_owned(), value)).collect())
    };
    members.prop_map(gather).boxed()
}

/// An object with a few of these keys.
pub(super) fn map(keys: &'static [&'static str], value: Json) -> Json {
    let entries = vec((select(keys), value), 1..3);
    entries
        .prop_map(|entries| {
            let entries = entries.into_iter().map(|(key, value)| (key.to_owned(), value));
            Value::Object(entries.collect::<Map<_, _>>())
        })
        .boxed()
}

pub(super) fn list(element: Json, count: std::ops::Range<usize>) -> Json {
    vec(element, count).prop_map(Value::Array).boxed()
}

pub(super) fn one_of(words: &'static [&'static str]) -> Json {
    select(words).prop_map(|word| json!(word)).boxed()
}

pub(super) fn number(range: std::ops::Range<i64>) -> Json {
    range.prop_map(|number| json!(number)).boxed()
}

pub(super) fn boolean() -> Json {
    proptest::bool::ANY.prop_map(|value| json!(value)).boxed()
}

pub(super) fn always(value: Value) -> Json {
    Just(value).boxed()
}

/// Of the elements of a list those stay whose key none before them has.
pub(super) fn without_doubles(list: Json, key: &'static str) -> Json {
    list.prop_map(move |mut list| {
        let mut seen: Vec<Value> = Vec::new();
        if let Some(elements) = list.as_array_mut() {
            elements.retain(|element| {
                let new = !seen.contains(&element[key]);
                seen.push(element[key].clone());
                new
            });
        }
        list
    })
    .boxed()
}
