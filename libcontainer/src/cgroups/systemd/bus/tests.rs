//! What is believed of what comes by the bus: a peer that says all of it before it is asked.

use super::*;
use std::io::Write;
use std::os::unix::net::UnixStream;

const SYSTEMD_NAME: &str = ":1.0";
const STRANGER: &str = ":1.9";
const REPLY: u8 = 2;
const SIGNAL: u8 = 4;

/// A message in the making; the header fields of the D-Bus specification by their codes.
struct Said {
    kind: u8,
    fields: Vec<u8>,
    body: Vec<u8>,
}

impl Said {
    fn new(kind: u8, sender: &str) -> Said {
        Said { kind, fields: Vec::new(), body: Vec::new() }.field(7, "s", sender)
    }

    fn field(mut self, code: u8, kind: &str, value: &str) -> Said {
        self.start_field(code, kind);
        match kind {
            "g" => self.fields.push(value.len() as u8),
            _ => self.fields.extend_from_slice(&(value.len() as u32).to_le_bytes()),
        }
        self.fields.extend_from_slice(value.as_bytes());
        self.fields.push(0);
        self
    }

    fn answering(mut self, serial: u32) -> Said {
        self.start_field(5, "u");
        self.fields.extend_from_slice(&serial.to_le_bytes());
        self
    }

    fn start_field(&mut self, code: u8, kind: &str) {
        self.fields.resize(self.fields.len().next_multiple_of(8), 0);
        self.fields.extend_from_slice(&[code, 1, kind.as_bytes()[0], 0]);
    }

    fn text(mut self, text: &str) -> Said {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self.body.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.body.extend_from_slice(text.as_bytes());
        self.body.push(0);
        self
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![b'l', self.kind, 0, 1];
        for number in [self.body.len(), 1, self.fields.len()] {
            bytes.extend_from_slice(&(number as u32).to_le_bytes());
        }
        bytes.extend_from_slice(&self.fields);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn job_removed(sender: &str, job: &str, result: &str) -> Said {
    let mut said = Said::new(SIGNAL, sender)
        .field(2, "s", SYSTEMD.2)
        .field(3, "s", "JobRemoved")
        .field(8, "g", "uoss");
    said.body = 1u32.to_le_bytes().to_vec();
    said.text(job).text("a.scope").text(result)
}

fn job_started(kind: u8, sender: &str, serial: u32, job: &str) -> Said {
    Said::new(kind, sender).answering(serial).field(8, "g", "o").text(job)
}

/// A bus on which this comes, and then nothing more; with the socket of the peer.
fn bus(messages: impl IntoIterator<Item = Said>) -> (Bus, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    for message in messages {
        theirs.write_all(&message.bytes()).unwrap();
    }
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    (Bus::on(Connection::of_test(ours)), theirs)
}

/// The answers to AddMatch and Subscribe, which are the first two calls.
fn watching() -> [Said; 2] {
    let answer = |sender, serial| Said::new(REPLY, sender).answering(serial);
    [answer(BUS.0, 1), answer(SYSTEMD_NAME, 2)]
}

#[test]
fn only_systemd_ends_a_job() {
    let (mut bus, _peer) = bus(watching().into_iter().chain([
        job_removed(STRANGER, "/job/1", "failed"),
        job_started(REPLY, SYSTEMD_NAME, 3, "/job/1"),
        job_removed(STRANGER, "/job/1", "canceled"),
        job_removed(SYSTEMD_NAME, "/job/1", "done"),
    ]));
    bus.watch_jobs().unwrap();
    let job = bus.stop_unit("a.scope").unwrap();
    assert_eq!(bus.wait_for_job(&job).unwrap(), "done");
}

#[test]
fn nothing_is_believed_before_systemd_is_known() {
    let early = [job_removed(STRANGER, "/job/1", "done")];
    let (mut bus, _peer) = bus(early.into_iter().chain(watching()));
    bus.watch_jobs().unwrap();
    assert!(matches!(bus.wait_for_job("/job/1"), Err(SystemdError::Talk { .. })));
}

#[test]
fn a_signal_with_a_serial_is_no_reply() {
    let (mut bus, _peer) = bus([
        job_started(SIGNAL, STRANGER, 1, "/job/of/stranger"),
        job_started(REPLY, SYSTEMD_NAME, 1, "/job/1"),
    ]);
    assert_eq!(bus.stop_unit("a.scope").unwrap(), "/job/1");
}
