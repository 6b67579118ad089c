//! The socket: getting in, sending, receiving.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::error::SystemdError;
use super::decode::{self, Message};
use super::encode::Call;

/// How long systemd may be silent; a scope's start takes it milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest line of the authentication.
const LINE: usize = 512;

#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    serial: u32,
}

/// Where the system bus is.
pub(super) fn system_address() -> Result<PathBuf, SystemdError> {
    let default = || Ok(PathBuf::from("/run/dbus/system_bus_socket"));
    given("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(default)
}

/// Where the bus of this user is (pam_systemd(8) sets both variables).
pub(super) fn user_address() -> Result<PathBuf, SystemdError> {
    let below_runtime_dir = || match env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => Ok(PathBuf::from(dir).join("bus")),
        None => Err(SystemdError::NoUserBus),
    };
    given("DBUS_SESSION_BUS_ADDRESS").unwrap_or_else(below_runtime_dir)
}

/// What an environment variable says, if it says anything.
fn given(variable: &'static str) -> Option<Result<PathBuf, SystemdError>> {
    let found = env::var(variable).ok().filter(|address| !address.is_empty())?;
    Some(path_of(&found).ok_or(SystemdError::Address { variable, found }))
}

/// The first `unix:path=` of a list of addresses.
fn path_of(addresses: &str) -> Option<PathBuf> {
    let mut addresses = addresses.split(';').filter_map(|address| address.strip_prefix("unix:"));
    addresses
        .find_map(|address| address.split(',').find_map(|pair| pair.strip_prefix("path=")))
        .and_then(unescape)
}

/// Bytes of an address may be written as `%2f`.
fn unescape(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

impl Connection {
    pub(super) fn open(path: &Path) -> Result<Connection, SystemdError> {
        let connected = UnixStream::connect(path).and_then(|socket| {
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        let socket =
            connected.map_err(|source| SystemdError::Connect { path: path.to_owned(), source })?;
        let mut connection = Connection { socket, serial: 0 };
        connection.authenticate()?;
        Ok(connection)
    }

    /// A bus that a test plays, past the authentication.
    #[cfg(all(test, target_endian = "little"))]
    pub(super) fn of_test(socket: UnixStream) -> Connection {
        Connection { socket, serial: 0 }
    }

    /// The kernel tells the bus who this is; EXTERNAL says that this is meant. No number is given, since in a
    /// user namespace it would be another than the one that the bus sees.
    fn authenticate(&mut self) -> Result<(), SystemdError> {
        let step = "authenticate";
        self.write(b"\0AUTH EXTERNAL\r\nDATA\r\n", step)?;
        for expected in ["DATA", "OK "] {
            let answer = self.line(step)?;
            if !answer.starts_with(expected) {
                return Err(SystemdError::Refused { answer });
            }
        }
        self.write(b"BEGIN\r\n", step)
    }

    /// A byte at a time: what follows the line is not to be read.
    fn line(&mut self, step: &'static str) -> Result<String, SystemdError> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if line.len() == LINE {
                return Err(SystemdError::Malformed);
            }
            let mut byte = [0];
            self.read(&mut byte, step)?;
            line.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// The serial of the call.
    pub(super) fn send(&mut self, call: &Call, step: &'static str) -> Result<u32, SystemdError> {
        self.serial += 1;
        self.write(&call.encode(self.serial), step)?;
        Ok(self.serial)
    }

    /// The next message.
    pub(super) fn receive(&mut self, step: &'static str) -> Result<Message, SystemdError> {
        let mut fixed = [0; decode::FIXED];
        self.read(&mut fixed, step)?;
        let rest = decode::rest(&fixed)?;
        let mut bytes = fixed.to_vec();
        bytes.resize(decode::FIXED + rest, 0);
        self.read(&mut bytes[decode::FIXED..], step)?;
        Message::decode(&bytes)
    }

    fn write(&mut self, bytes: &[u8], step: &'static str) -> Result<(), SystemdError> {
        self.socket.write_all(bytes).map_err(|source| failed(step, source))
    }

    fn read(&mut self, bytes: &mut [u8], step: &'static str) -> Result<(), SystemdError> {
        self.socket.read_exact(bytes).map_err(|source| failed(step, source))
    }
}

fn failed(step: &'static str, source: io::Error) -> SystemdError {
    match source.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => SystemdError::Silent { step },
        _ => SystemdError::Talk { step, source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let path = |text| path_of(text);
        assert_eq!(path("unix:path=/run/bus"), Some(PathBuf::from("/run/bus")));
        assert_eq!(path("tcp:host=a;unix:guid=1,path=/b"), Some(PathBuf::from("/b")));
        assert_eq!(path("unix:abstract=/b"), None);
        assert_eq!(path("unix:path=/a%20b%2f"), Some(PathBuf::from("/a b/")));
        assert_eq!(path("unix:path=/a%2"), None);
        assert_eq!(path("unix:path=/a%xy"), None);
    }
}
