//! All fields that oci-spec's types have, found by asking the types themselves.
//!
//! A derived `Deserialize` tells the deserializer the names of its fields. So a type is deserialized from nothing but
//! a path: at each struct on the way only the next member is given, and at the end of it the names of the struct that
//! is met are taken down.

use std::cell::RefCell;

use oci_spec::runtime::Spec;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};

/// The parts for other systems, and what only oci-spec has at the top: their fields are no concern of ours.
const FOREIGN: [&str; 6] = ["solaris", "windows", "vm", "zos", "uidMappings", "gidMappings"];

/// The fields of config.json, as the page spells them: `linux.devices[].path`, `linux.rdma{}.hcaHandles`.
pub fn fields() -> Vec<String> {
    let mut found = Vec::new();
    let mut ways = vec![Vec::new()];
    while let Some(way) = ways.pop() {
        for field in names_at(&way) {
            let mut deeper: Vec<&'static str> = way.clone();
            deeper.push(field.name);
            if !FOREIGN.contains(&deeper[0]) {
                ways.push(deeper);
            }
            // The kinds of hooks are alike.
            let path =
                match field.path.strip_prefix("hooks.").and_then(|rest| rest.split_once("[]")) {
                    Some((_, rest)) => format!("hooks.*[]{rest}"),
                    None => field.path,
                };
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

struct Field {
    name: &'static str,
    path: String,
}

/// The fields of the struct at the end of a way; none if there is no struct.
fn names_at(way: &[&'static str]) -> Vec<Field> {
    let notes = Notes::default();
    // It always fails: nothing has all that it needs.
    let _ = Spec::deserialize(Walk { way, path: String::new(), notes: &notes });
    notes.0.into_inner()
}

#[derive(Default)]
struct Notes(RefCell<Vec<Field>>);

/// What is met on the way, with the path that was gone.
struct Walk<'n> {
    way: &'n [&'static str],
    path: String,
    notes: &'n Notes,
}

impl<'n> Walk<'n> {
    fn with(self, suffix: &str) -> Walk<'n> {
        Walk { path: self.path + suffix, ..self }
    }
}

impl<'de> Deserializer<'de> for Walk<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let path = |name: &str| match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let Some((next, way)) = self.way.split_first() else {
            let fields = fields.iter().map(|name| Field { name, path: path(name) });
            self.notes.0.borrow_mut().extend(fields);
            return Err(Error::custom("the names are all that was wanted"));
        };
        let walk = Walk { way, path: path(next), notes: self.notes };
        visitor.visit_map(One(Some((next, walk))))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(One(Some(("", self.with("[]")))))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(One(Some(("key", self.with("{}")))))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("no struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct tuple tuple_struct enum identifier ignored_any
    }
}

/// The one member of a map, or element of a sequence, that is on the way.
struct One<'n>(Option<(&'static str, Walk<'n>)>);

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, _)) = &self.0 else { return Ok(None) };
        let name: StrDeserializer<'_, Error> = (*name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (_, walk) = self.0.take().ok_or_else(|| Error::custom("asked for twice"))?;
        seed.deserialize(walk)
    }
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((_, walk)) = self.0.take() else { return Ok(None) };
        seed.deserialize(walk).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_found_behind_options_lists_and_maps() {
        let fields = fields();
        for wanted in [
            "ociVersion",
            "process.user.uid",
            "process.rlimits[].soft",
            "hooks.*[].timeout",
            "linux.timeOffsets{}.secs",
            "linux.seccomp.syscalls[].args[].valueTwo",
            "linux.resources.blockIO.throttleReadBpsDevice[].rate",
            "mounts[].uidMappings[].size",
            "windows",
        ] {
            assert!(fields.iter().any(|field| field == wanted), "{wanted} is not in {fields:#?}");
        }
        assert!(!fields.iter().any(|field| field.starts_with("windows.")));
    }
}
