//! Writing method calls (D-Bus specification, "Marshaling" and "Message Format").

use super::super::unit::Property;
use super::super::value::Value;

pub(super) const ENDIANNESS: u8 = if cfg!(target_endian = "little") { b'l' } else { b'B' };
const METHOD_CALL: u8 = 1;
const VERSION: u8 = 1;

/// A method call.
pub(super) struct Call<'a> {
    pub(super) destination: &'a str,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
    pub(super) member: &'a str,
    pub(super) body: Body,
}

/// The arguments of a call.
pub(super) struct Body {
    signature: String,
    bytes: Bytes,
}

impl Body {
    pub(super) fn new() -> Body {
        Body { signature: String::new(), bytes: Bytes(Vec::new()) }
    }

    pub(super) fn text(mut self, text: &str) -> Body {
        self.signature.push('s');
        self.bytes.text(text);
        self
    }

    pub(super) fn flag(mut self, flag: bool) -> Body {
        self.signature.push('b');
        self.bytes.u32(u32::from(flag));
        self
    }

    /// `au`
    pub(super) fn numbers(mut self, numbers: &[u32]) -> Body {
        self.signature.push_str("au");
        self.bytes.array(4, numbers.iter(), |bytes, number| bytes.u32(*number));
        self
    }

    /// `a(sv)`
    pub(super) fn properties<'a>(mut self, properties: impl Iterator<Item = &'a Property>) -> Body {
        self.signature.push_str("a(sv)");
        self.bytes.array(8, properties, |bytes, property| {
            bytes.align(8);
            bytes.text(&property.name);
            bytes.signature(property.value.signature());
            bytes.value(&property.value);
        });
        self
    }

    /// `a(sa(sv))`: the auxiliary units of StartTransientUnit, of which there are none.
    pub(super) fn no_other_units(mut self) -> Body {
        self.signature.push_str("a(sa(sv))");
        self.bytes.array(8, std::iter::empty::<()>(), |_, ()| {});
        self
    }
}

impl Call<'_> {
    /// The whole message.
    pub(super) fn encode(&self, serial: u32) -> Vec<u8> {
        let mut bytes = Bytes(vec![ENDIANNESS, METHOD_CALL, 0, VERSION]);
        bytes.u32(self.body.bytes.0.len() as u32);
        bytes.u32(serial);
        let mut fields = vec![
            (1, "o", self.path),
            (2, "s", self.interface),
            (3, "s", self.member),
            (6, "s", self.destination),
        ];
        if !self.body.signature.is_empty() {
            fields.push((8, "g", &self.body.signature));
        }
        bytes.array(8, fields.into_iter(), |bytes, (code, kind, value)| {
            bytes.align(8);
            bytes.0.push(code);
            bytes.signature(kind);
            if kind == "g" { bytes.signature(value) } else { bytes.text(value) }
        });
        bytes.align(8);
        bytes.0.extend_from_slice(&self.body.bytes.0);
        bytes.0
    }
}

/// Values, each at a multiple of its alignment.
struct Bytes(Vec<u8>);

impl Bytes {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn u32(&mut self, value: u32) {
        self.align(4);
        self.0.extend_from_slice(&value.to_ne_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.align(8);
        self.0.extend_from_slice(&value.to_ne_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u32(text.len() as u32);
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
    }

    fn signature(&mut self, signature: &str) {
        self.0.push(signature.len() as u8);
        self.0.extend_from_slice(signature.as_bytes());
        self.0.push(0);
    }

    /// The length counts from the first element, after the padding before it.
    fn array<T>(
        &mut self,
        alignment: usize,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Bytes, T),
    ) {
        self.u32(0);
        let length_at = self.0.len() - 4;
        self.align(alignment);
        let start = self.0.len();
        for item in items {
            write(self, item);
        }
        let length = (self.0.len() - start) as u32;
        self.0[length_at..length_at + 4].copy_from_slice(&length.to_ne_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(value) => self.u32(u32::from(*value)),
            Value::Byte(value) => self.0.push(*value),
            Value::I32(value) => self.u32(*value as u32),
            Value::U32(value) => self.u32(*value),
            Value::I64(value) => self.u64(*value as u64),
            Value::U64(value) => self.u64(*value),
            Value::Double(value) => self.u64(value.to_bits()),
            Value::Text(text) => self.text(text),
            Value::Texts(texts) => self.array(4, texts.iter(), |bytes, text| bytes.text(text)),
            Value::Bytes(list) => self.array(1, list.iter(), |bytes, byte| bytes.0.push(*byte)),
            Value::U32s(list) => self.array(4, list.iter(), |bytes, value| bytes.u32(*value)),
            Value::Pairs(pairs) => self.array(8, pairs.iter(), |bytes, (first, second)| {
                bytes.align(8);
                bytes.text(first);
                bytes.text(second);
            }),
            Value::Rates(rates) => self.array(8, rates.iter(), |bytes, (name, rate)| {
                bytes.align(8);
                bytes.text(name);
                bytes.u64(*rate);
            }),
        }
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    /// The bytes of the specification's rules, worked out by hand.
    #[test]
    fn a_call_without_arguments() {
        let call = Call {
            destination: "d.d",
            path: "/",
            interface: "i.i",
            member: "M",
            body: Body::new(),
        };
        let expected: Vec<u8> = [
            &b"l\x01\0\x01\0\0\0\0\x07\0\0\0\x3c\0\0\0"[..],
            b"\x01\x01o\0\x01\0\0\0/\0\0\0\0\0\0\0",
            b"\x02\x01s\0\x03\0\0\0i.i\0\0\0\0\0",
            b"\x03\x01s\0\x01\0\0\0M\0\0\0\0\0\0\0",
            b"\x06\x01s\0\x03\0\0\0d.d\0\0\0\0\0",
        ]
        .concat();
        assert_eq!(call.encode(7), expected);
    }

    #[test]
    fn an_empty_array_of_structures_is_padded() {
        let body = Body::new().text("a").no_other_units();
        assert_eq!(body.bytes.0, b"\x01\0\0\0a\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(body.signature, "sa(sa(sv))");
    }

    #[test]
    fn a_property_is_a_name_and_a_variant() {
        let property = Property { name: "X".to_owned(), value: Value::U64(2) };
        let body = Body::new().properties([&property].into_iter());
        let expected: Vec<u8> = [
            &b"\x18\0\0\0\0\0\0\0"[..],
            b"\x01\0\0\0X\0\x01t\0\0\0\0\0\0\0\0",
            b"\x02\0\0\0\0\0\0\0",
        ]
        .concat();
        assert_eq!(body.bytes.0, expected);
    }
}
