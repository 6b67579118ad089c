//! Exec and attach by the URL that the engine gives, with the websocket protocol of Kubernetes, `v4.channel.k8s.io`:
//! the first byte of each message says which stream it belongs to.

use std::net::TcpStream;
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use crate::fault::Fault;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const RESIZE: u8 = 4;

/// What came until the end.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Kubernetes' Status as JSON, with the exit code.
    pub(crate) status: String,
}

/// A connection. Its calls block.
pub(crate) struct Stream {
    socket: WebSocket<TcpStream>,
    said: Said,
}

impl Stream {
    /// Connects to `http://host:port/...`.
    pub(crate) fn open(url: &str) -> Result<Self, Fault> {
        let fault = |step| {
            move |source: tungstenite::Error| Fault::Stream { step, source: Box::new(source) }
        };
        let url = url.replacen("http://", "ws://", 1);
        let mut request = url.into_client_request().map_err(fault("the URL"))?;
        let address = request
            .uri()
            .authority()
            .map(|authority| authority.as_str().to_owned())
            .unwrap_or_default();
        let protocol = HeaderValue::from_static("v4.channel.k8s.io");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let tcp =
            TcpStream::connect(&address).map_err(|source| fault("connecting")(source.into()))?;
        tcp.set_read_timeout(Some(Duration::from_secs(120)))
            .map_err(|source| fault("the time limit")(source.into()))?;
        match tungstenite::client(request, tcp) {
            Ok((socket, _)) => Ok(Self { socket, said: Said::default() }),
            Err(tungstenite::HandshakeError::Failure(source)) => {
                Err(fault("the handshake")(source))
            }
            Err(tungstenite::HandshakeError::Interrupted(_)) => {
                Err(Fault::Late { what: "the handshake of a stream".into() })
            }
        }
    }

    /// Types text.
    pub(crate) fn send(&mut self, text: &str) -> Result<(), Fault> {
        self.write(STDIN, text.as_bytes())
    }

    /// Says how large the terminal is.
    pub(crate) fn resize(&mut self, width: u16, height: u16) -> Result<(), Fault> {
        self.write(RESIZE, format!("{{\"Width\":{width},\"Height\":{height}}}").as_bytes())
    }

    fn write(&mut self, channel: u8, bytes: &[u8]) -> Result<(), Fault> {
        let message = [&[channel], bytes].concat();
        self.socket
            .send(Message::binary(message))
            .map_err(|source| Fault::Stream { step: "writing", source: Box::new(source) })
    }

    /// Reads until stdout has `text`.
    pub(crate) fn until(&mut self, text: &str) -> Result<&Said, Fault> {
        while !self.said.stdout.contains(text) {
            if !self.read()? {
                let what = format!("\"{text}\" before the end of {:?}", self.said);
                return Err(Fault::Late { what });
            }
        }
        Ok(&self.said)
    }

    /// Reads until the engine closes.
    pub(crate) fn end(mut self) -> Result<Said, Fault> {
        while self.read()? {}
        Ok(self.said)
    }

    /// Reads a message; false at the end.
    fn read(&mut self) -> Result<bool, Fault> {
        let message = match self.socket.read() {
            Ok(Message::Close(_)) | Err(tungstenite::Error::ConnectionClosed) => return Ok(false),
            // containerd ends the connection without the last words of the protocol.
            Err(tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            )) => {
                return Ok(false);
            }
            Ok(message) => message.into_data(),
            Err(source) => return Err(Fault::Stream { step: "reading", source: Box::new(source) }),
        };
        let Some((channel, bytes)) = message.split_first() else { return Ok(true) };
        let text = String::from_utf8_lossy(bytes);
        match *channel {
            STDOUT => self.said.stdout += &text,
            STDERR => self.said.stderr += &text,
            STATUS => self.said.status += &text,
            _ => {}
        }
        Ok(true)
    }
}
