//! A seccomp agent, as engines run one beside the runtime.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::thread;

use crate::sys::{Notification, receive};

pub(crate) fn serve(path: &str, answer: &str) -> io::Result<()> {
    let socket = UnixListener::bind(path)?;
    for connection in socket.incoming() {
        let connection = connection?;
        if answer == "close" {
            continue;
        }
        let (bytes, descriptors) = receive(&connection)?;
        let (more, _) = receive(&connection)?;
        let said = serde_json::json!({
            "descriptors": descriptors.len(),
            "message": serde_json::from_slice::<serde_json::Value>(&bytes)?,
            "more": more.len(),
        });
        let mut out = io::stdout().lock();
        writeln!(out, "{said}")?;
        out.flush()?;
        if let Ok(errno) = answer.parse() {
            for listener in descriptors {
                thread::spawn(move || attend(&listener, errno));
            }
        }
    }
    Ok(())
}

/// Until nobody is left to ask.
fn attend(listener: &OwnedFd, errno: i32) {
    loop {
        // ENOENT: who asked was killed before it was heard, or answered.
        let answered = Notification::next(listener).and_then(|asked| asked.answer(listener, errno));
        match answered {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => {
                return eprintln!("agent: {error}");
            }
            _ => {}
        }
    }
}
