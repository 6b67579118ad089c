//! Reading replies and signals. Nothing in a message is trusted: every length is checked.

use super::super::error::SystemdError;
use super::super::value::Value;
use super::encode::ENDIANNESS;

const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;
/// Up to the length of the array of header fields.
pub(super) const FIXED: usize = 16;
/// More than systemd ever has to say here; the specification's limit is 128 MiB.
const MOST: usize = 4 << 20;

/// A message that was received.
#[derive(Debug, Default)]
pub(super) struct Message {
    kind: u8,
    interface: String,
    member: String,
    signature: String,
    /// The serial of the call that it answers.
    reply_to: Option<u32>,
    /// The unique name of the connection that it is from; the bus writes it itself.
    pub(super) sender: Option<String>,
    /// The name of the error that it is.
    pub(super) error: Option<String>,
    body: Vec<u8>,
}

/// How many bytes follow the first [`FIXED`] ones.
pub(super) fn rest(fixed: &[u8; FIXED]) -> Result<usize, SystemdError> {
    if fixed[0] != ENDIANNESS {
        return Err(SystemdError::Malformed);
    }
    let mut reader = Reader { bytes: fixed, at: 4 };
    let body = reader.u32()? as usize;
    reader.u32()?;
    let fields = reader.u32()? as usize;
    if body > MOST || fields > MOST {
        return Err(SystemdError::Malformed);
    }
    Ok(fields.next_multiple_of(8) + body)
}

impl Message {
    /// From all bytes of a message.
    pub(super) fn decode(bytes: &[u8]) -> Result<Message, SystemdError> {
        let mut reader = Reader { bytes, at: 0 };
        reader.u8()?;
        let mut message = Message { kind: reader.u8()?, ..Message::default() };
        reader.at = 4;
        let body = reader.u32()? as usize;
        reader.u32()?;
        let fields_end = reader.u32()? as usize + FIXED;
        while reader.at < fields_end {
            reader.align(8)?;
            let code = reader.u8()?;
            let kind = reader.signature()?;
            let field = match kind.as_str() {
                "s" | "o" => Field::Text(reader.text()?),
                "g" => Field::Text(reader.signature()?),
                "u" => Field::Number(reader.u32()?),
                _ => return Err(SystemdError::Malformed),
            };
            message.take(code, field);
        }
        reader.align(8)?;
        message.body = reader.take(body)?.to_vec();
        Ok(message)
    }

    fn take(&mut self, code: u8, field: Field) {
        match (code, field) {
            (2, Field::Text(text)) => self.interface = text,
            (3, Field::Text(text)) => self.member = text,
            (4, Field::Text(text)) => self.error = Some(text),
            (5, Field::Number(serial)) => self.reply_to = Some(serial),
            (7, Field::Text(text)) => self.sender = Some(text),
            (8, Field::Text(text)) => self.signature = text,
            _ => {}
        }
    }

    /// The bus lets only the one who was called send these kinds; a signal with a serial can be anybody's.
    pub(super) fn answers(&self, serial: u32) -> bool {
        matches!(self.kind, METHOD_RETURN | ERROR) && self.reply_to == Some(serial)
    }

    pub(super) fn is_signal(&self, interface: &str, member: &str) -> bool {
        self.kind == SIGNAL && self.interface == interface && self.member == member
    }

    /// The text that an error begins with.
    pub(super) fn first_text(&self) -> Option<String> {
        let reader = || Reader { bytes: &self.body, at: 0 };
        self.signature.starts_with('s').then(|| reader().text().ok()).flatten()
    }

    /// The answer of what starts a job.
    pub(super) fn object_path(&self) -> Result<String, SystemdError> {
        match self.signature.as_str() {
            "o" => Reader { bytes: &self.body, at: 0 }.text(),
            _ => Err(SystemdError::Malformed),
        }
    }

    /// The value of a property; `None` when it is of a type that is not known here.
    pub(super) fn variant(&self) -> Result<Option<Value>, SystemdError> {
        if self.signature != "v" {
            return Err(SystemdError::Malformed);
        }
        let mut reader = Reader { bytes: &self.body, at: 0 };
        let signature = reader.signature()?;
        reader.value(&signature)
    }

    /// Of `JobRemoved`, the job's path and its result.
    pub(super) fn removed_job(&self) -> Result<(String, String), SystemdError> {
        if self.signature != "uoss" {
            return Err(SystemdError::Malformed);
        }
        let mut reader = Reader { bytes: &self.body, at: 0 };
        reader.u32()?;
        let job = reader.text()?;
        reader.text()?;
        Ok((job, reader.text()?))
    }
}

enum Field {
    Text(String),
    Number(u32),
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], SystemdError> {
        let end = self.at.checked_add(length).ok_or(SystemdError::Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(SystemdError::Malformed)?;
        self.at = end;
        Ok(taken)
    }

    fn align(&mut self, to: usize) -> Result<(), SystemdError> {
        let padding = self.at.next_multiple_of(to) - self.at;
        self.take(padding).map(drop)
    }

    fn u8(&mut self) -> Result<u8, SystemdError> {
        Ok(self.take(1)?[0])
    }

    fn u32(&mut self) -> Result<u32, SystemdError> {
        self.align(4)?;
        let bytes = self.take(4)?;
        Ok(u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn u64(&mut self) -> Result<u64, SystemdError> {
        self.align(8)?;
        let bytes = self.take(8)?;
        bytes.try_into().map(u64::from_ne_bytes).map_err(|_| SystemdError::Malformed)
    }

    fn value(&mut self, signature: &str) -> Result<Option<Value>, SystemdError> {
        let pair = |reader: &mut Self| Ok((reader.text()?, reader.text()?));
        let rate = |reader: &mut Self| Ok((reader.text()?, reader.u64()?));
        Ok(Some(match signature {
            "t" => Value::U64(self.u64()?),
            "s" => Value::Text(self.text()?),
            "ay" => Value::Bytes(self.array(1, Self::u8)?),
            "a(ss)" => Value::Pairs(self.array(8, pair)?),
            "a(st)" => Value::Rates(self.array(8, rate)?),
            _ => return Ok(None),
        }))
    }

    fn array<T>(
        &mut self,
        alignment: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, SystemdError>,
    ) -> Result<Vec<T>, SystemdError> {
        let length = self.u32()? as usize;
        self.align(alignment)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(SystemdError::Malformed)?;
        let mut items = Vec::new();
        while self.at < end {
            self.align(alignment)?;
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn text(&mut self) -> Result<String, SystemdError> {
        let length = self.u32()? as usize;
        self.terminated(length)
    }

    fn signature(&mut self) -> Result<String, SystemdError> {
        let length = self.u8()? as usize;
        self.terminated(length)
    }

    fn terminated(&mut self, length: usize) -> Result<String, SystemdError> {
        let text = self.take(length)?.to_vec();
        match self.u8()? {
            0 => String::from_utf8(text).map_err(|_| SystemdError::Malformed),
            _ => Err(SystemdError::Malformed),
        }
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    /// An error reply as dbus-daemon sends it, with the sender's name and serial 3.
    fn reply() -> Vec<u8> {
        let fields: Vec<u8> = [
            &b"\x04\x01s\0\x03\0\0\0e.E\0\0\0\0\0"[..],
            b"\x05\x01u\0\x02\0\0\0",
            b"\x08\x01g\0\x01s\0\0",
        ]
        .concat();
        let body = b"\x02\0\0\0no\0";
        let mut bytes = b"l\x03\0\x01".to_vec();
        for number in [body.len() as u32, 3, fields.len() as u32 - 1] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&fields);
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn an_error() {
        let bytes = reply();
        let fixed: &[u8; FIXED] = bytes[..FIXED].try_into().unwrap();
        assert_eq!(rest(fixed).unwrap(), bytes.len() - FIXED);
        let message = Message::decode(&bytes).unwrap();
        assert_eq!(message.error.as_deref(), Some("e.E"));
        assert!(message.answers(2) && !message.answers(3));
        assert_eq!(message.first_text().as_deref(), Some("no"));
        assert!(message.object_path().is_err());
    }

    /// A reply that is a variant.
    fn variant(body: &[u8]) -> Message {
        Message { signature: "v".to_owned(), body: body.to_vec(), ..Message::default() }
    }

    #[test]
    fn values_of_properties() {
        let number = variant(b"\x01t\0\0\0\0\0\0\x07\0\0\0\0\0\0\0");
        assert_eq!(number.variant().unwrap(), Some(Value::U64(7)));
        let bytes = variant(b"\x02ay\0\x02\0\0\0\x01\x80");
        assert_eq!(bytes.variant().unwrap(), Some(Value::Bytes(vec![1, 0x80])));
        // After the signature of six bytes comes the length at 8, the first structure at 16.
        let pairs = variant(b"\x05a(ss)\0\0\x0e\0\0\0\0\0\0\0\x01\0\0\0a\0\0\0\x01\0\0\0b\0");
        let expected = vec![("a".to_owned(), "b".to_owned())];
        assert_eq!(pairs.variant().unwrap(), Some(Value::Pairs(expected)));
        let rates = variant(b"\x05a(st)\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(rates.variant().unwrap(), Some(Value::Rates(Vec::new())));
        assert_eq!(variant(b"\x01d\0").variant().unwrap(), None);
        for length in 0..pairs.body.len() {
            assert!(variant(&pairs.body[..length]).variant().is_err(), "cut at {length}");
        }
    }

    #[test]
    fn no_damage_is_a_panic() {
        let whole = reply();
        for end in 0..whole.len() {
            assert!(Message::decode(&whole[..end]).is_err(), "cut at {end}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                if let Ok(message) = Message::decode(&damaged) {
                    let _ = (message.first_text(), message.removed_job(), message.variant());
                }
            }
        }
    }
}
