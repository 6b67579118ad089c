//! What is sent to whoever listens: the terminal to a console socket, the pidfd to a pidfd socket.

use super::{Outcome, sys, with_bundle};
use libcontainer::{CreateOptions, Error, ExecOptions, Exit, Runtime, Stdio};
use std::error::Error as StdError;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

/// The next connection's message and descriptor.
fn receive(listener: &UnixListener) -> Result<(String, OwnedFd), Box<dyn StdError>> {
    let (stream, _) = listener.accept()?;
    let mut bytes = [0; 64];
    let (length, fd) = sys::receive(&stream, &mut bytes)?;
    let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
    Ok((text, fd.ok_or("no descriptor came")?))
}

fn read_line(terminal: &mut File) -> std::io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') {
        terminal.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[test]
fn the_terminal_goes_to_the_console_socket() {
    with_bundle("console", |bundle| -> Outcome {
        let path = bundle.path().join("console.sock");
        let listener = UnixListener::bind(&path)?;
        let mut spec =
            bundle.spec(&["sh", "-c", "stty size; read line; echo got $line; exec sleep 600"]);
        let mut process = spec.process().clone().expect("a process");
        process.set_terminal(Some(true));
        process.set_console_size(Some(
            libcontainer::oci_spec::runtime::BoxBuilder::default()
                .height(31u64)
                .width(91u64)
                .build()?,
        ));
        spec.set_process(Some(process));
        let options = CreateOptions::new(bundle.path()).spec(spec).console_socket(&path);
        let container = Runtime::new(bundle.state_root()).create(&bundle.id("c"), &options)?;
        let (text, terminal) = receive(&listener)?;
        assert!(text.starts_with("/dev/"), "{text}");
        let mut terminal = File::from(terminal);
        container.start()?;
        assert_eq!(read_line(&mut terminal)?, "31 91\r\n");
        terminal.write_all(b"this\n")?;
        assert_eq!(read_line(&mut terminal)?, "this\r\n", "the echo");
        assert_eq!(read_line(&mut terminal)?, "got this\r\n");

        let mut exec = ExecOptions::command(["tty"]).with(|process| process.tty = true);
        exec.console_socket = Some(path.clone());
        let running = container.exec(&exec)?;
        assert!(running.terminal.is_none());
        let mut second = File::from(receive(&listener)?.1);
        assert_eq!(read_line(&mut second)?, "/dev/pts/1\r\n");
        assert_eq!(running.wait()?, Exit::Status(0));
        container.delete(true)?;
        Ok(())
    });
}

#[test]
fn the_pidfd_goes_to_the_pidfd_socket() {
    with_bundle("pidfd", |bundle| -> Outcome {
        let path = bundle.path().join("pidfd.sock");
        let listener = UnixListener::bind(&path)?;
        let options = CreateOptions::new(bundle.path())
            .spec(bundle.spec(&["sleep", "600"]))
            .stdio(Stdio::null()?)
            .pidfd_socket(&path);
        let container = Runtime::new(bundle.state_root()).create(&bundle.id("c"), &options)?;
        assert_eq!(receive_pid(&listener)?, ("standard".to_owned(), container.state()?.pid));
        container.start()?;
        let mut exec = ExecOptions::command(["sleep", "600"]).stdio(Stdio::null()?);
        exec.pidfd_socket = Some(path.clone());
        let running = container.exec(&exec)?;
        assert_eq!(receive_pid(&listener)?, ("setns".to_owned(), running.process.pid()));
        container.delete(true)?;
        assert_eq!(running.wait()?, Exit::Signal(libc::SIGKILL));
        Ok(())
    });
}

/// The pid behind the pidfd that comes.
fn receive_pid(listener: &UnixListener) -> Result<(String, i32), Box<dyn StdError>> {
    let (text, pidfd) = receive(listener)?;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid:")).ok_or("no pidfd")?;
    Ok((text, pid.trim().parse()?))
}

#[test]
fn a_socket_where_nobody_listens_fails_and_leaves_nothing() {
    with_bundle("nosocket", |bundle| -> Outcome {
        let path = bundle.path().join("nobody.sock");
        let runtime = Runtime::new(bundle.state_root());
        let mut spec = bundle.spec(&["sleep", "600"]);
        let options = CreateOptions::new(bundle.path()).spec(spec.clone()).pidfd_socket(&path);
        let error = runtime.create(&bundle.id("c"), &options.stdio(Stdio::null()?)).unwrap_err();
        assert!(matches!(&error, Error::Io { path: named, .. } if *named == path), "{error:?}");
        let mut process = spec.process().clone().expect("a process");
        process.set_terminal(Some(true));
        spec.set_process(Some(process));
        let options = CreateOptions::new(bundle.path()).spec(spec).console_socket(&path);
        let error = runtime.create(&bundle.id("c"), &options).unwrap_err();
        assert!(matches!(&error, Error::Io { path: named, .. } if *named == path), "{error:?}");
        assert!(runtime.list()?.is_empty());

        let (running, _output) = super::run(bundle, &bundle.id("d"), &["sleep", "600"])?;
        let mut exec = ExecOptions::command(["sleep", "600"]).stdio(Stdio::null()?);
        exec.pidfd_socket = Some(path.clone());
        let error = running.container.exec(&exec).unwrap_err();
        assert!(matches!(&error, Error::Io { path: named, .. } if *named == path), "{error:?}");
        super::wait_until("the exec to be gone", || {
            running
                .container
                .processes()
                .is_ok_and(|processes| processes == [running.process.pid()])
        });
        running.container.delete(true)?;
        Ok(())
    });
}
