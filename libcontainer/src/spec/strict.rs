//! What serde's derived code takes and a configuration may not have: an array of a struct's members in the place of
//! the struct, at any depth; and what oci-spec takes: a capability without `CAP_` in front, or in small letters.
//!
//! A deserializer around another one, which hands everything through and looks only at these two.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    Unexpected, Visitor,
};

/// The struct whose lists hold capabilities.
const CAPABILITIES: &str = "LinuxCapabilities";

/// As [`serde_json::from_str`], but strict.
pub(super) fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    let mut inner = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Strict { inner: &mut inner, kind: Kind::Any })?;
    inner.end()?;
    Ok(value)
}

/// Whether a text is a capability as config.md spells it: the kernel's name with `CAP_`.
pub(super) fn is_capability(name: &str) -> bool {
    name.strip_prefix("CAP_").is_some_and(|rest| {
        !rest.starts_with("CAP_") && rest.bytes().all(|c| c.is_ascii_uppercase() || c == b'_')
    })
}

/// What is looked at, or what it is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Struct,
    /// Within the sets of capabilities.
    Capabilities,
}

struct Strict<I> {
    inner: I,
    kind: Kind,
}

impl Kind {
    /// What is in it is looked at alike only within the capabilities.
    fn inside(self) -> Kind {
        if self == Kind::Capabilities { self } else { Kind::Any }
    }
}

macro_rules! hand_through {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, I::Error> {
            let Strict { inner, kind } = self;
            inner.$method(Strict { inner: visitor, kind })
        }
    )*};
}

impl<'de, I: Deserializer<'de>> Deserializer<'de> for Strict<I> {
    type Error = I::Error;

    hand_through! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_option deserialize_unit deserialize_seq deserialize_map deserialize_identifier
        deserialize_ignored_any
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, I::Error> {
        let kind = if name == CAPABILITIES { Kind::Capabilities } else { Kind::Struct };
        self.inner.deserialize_struct(name, fields, Strict { inner: visitor, kind })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, I::Error> {
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, I::Error> {
        let Strict { inner, kind } = self;
        inner.deserialize_newtype_struct(name, Strict { inner: visitor, kind })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, I::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, I::Error> {
        self.inner.deserialize_tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, I::Error> {
        self.inner.deserialize_tuple_struct(name, length, visitor)
    }
}

macro_rules! visit_through {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit_through! {
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_bytes(&[u8])
        visit_borrowed_bytes(&'de [u8]) visit_byte_buf(Vec<u8>)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.spelled(text)?;
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.spelled(text)?;
        self.inner.visit_borrowed_str(text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        self.spelled(&text)?;
        self.inner.visit_string(text)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let kind = self.kind.inside();
        self.inner.visit_some(Strict { inner, kind })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        let kind = self.kind.inside();
        self.inner.visit_newtype_struct(Strict { inner, kind })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        if self.kind == Kind::Struct {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let kind = self.kind.inside();
        self.inner.visit_seq(Strict { inner, kind })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        let kind = self.kind.inside();
        self.inner.visit_map(Strict { inner, kind })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(inner)
    }
}

impl<V> Strict<V> {
    fn spelled<E: Error>(&self, text: &str) -> Result<(), E> {
        match self.kind == Kind::Capabilities && !is_capability(text) {
            true => Err(E::invalid_value(Unexpected::Str(text), &"a capability such as CAP_KILL")),
            false => Ok(()),
        }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, A::Error> {
        let kind = self.kind;
        self.inner.next_element_seed(Strict { inner: seed, kind })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Keys go through as they are: they are names of members, or free texts.
impl<'de, A: MapAccess<'de>> MapAccess<'de> for Strict<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let kind = self.kind;
        self.inner.next_value_seed(Strict { inner: seed, kind })
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let Strict { inner: seed, kind } = self;
        seed.deserialize(Strict { inner, kind })
    }
}
