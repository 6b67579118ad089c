//! The socket: getting in, sending, receiving.

use std::env;
use std::io::{self, Read, Write};
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

pub(super) struct Connection {
    socket: UnixStream,
    serial: u32,
}

/// Where the system bus is.
pub(super) fn system_address() -> Result<PathBuf, SystemdError> {
    match env::var("DBUS_SYSTEM_BUS_ADDRESS") {
        Ok(address) => {
            path_of(&address).ok_or_else(|| SystemdError::Address { found: address.clone() })
        }
        Err(_) => Ok(PathBuf::from("/run/dbus/system_bus_socket")),
    }
}

/// The first `unix:path=` of a list of addresses.
fn path_of(addresses: &str) -> Option<PathBuf> {
    let address = addresses.split(';').find_map(|address| address.strip_prefix("unix:"))?;
    let path = address.split(',').find_map(|pair| pair.strip_prefix("path="))?;
    // Only what needs no unescaping.
    (!path.contains('%')).then(|| PathBuf::from(path))
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

    /// The kernel tells the bus who this is; EXTERNAL says that this is meant.
    fn authenticate(&mut self) -> Result<(), SystemdError> {
        let step = "authenticate";
        let uid = nix::unistd::geteuid().to_string();
        let uid: String = uid.bytes().map(|digit| format!("{digit:02x}")).collect();
        self.write(format!("\0AUTH EXTERNAL {uid}\r\n").as_bytes(), step)?;
        let answer = self.line(step)?;
        if !answer.starts_with("OK ") {
            return Err(SystemdError::Refused { answer });
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
        assert_eq!(path("unix:path=/a%20b"), None);
    }
}
