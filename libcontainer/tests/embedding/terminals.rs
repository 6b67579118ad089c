//! A terminal for the program itself.

use super::{Outcome, run, with_bundle};
use libcontainer::{CreateOptions, Error, ExecOptions, Exit, Runtime};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

/// What a terminal shows until its last user is gone, which a pty tells by EIO.
fn read_terminal(terminal: OwnedFd) -> String {
    let mut text = Vec::new();
    let mut file = File::from(terminal);
    let mut chunk = [0; 1024];
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => text.extend(&chunk[..length]),
            Err(error) if error.raw_os_error() == Some(libc::EIO) => break,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn run_and_exec_give_the_terminal_to_the_caller() {
    with_bundle("terminal", |bundle| -> Outcome {
        let mut spec = bundle.spec(&["sh", "-c", "tty; read line; echo got $line; exit 3"]);
        let mut process = spec.process().clone().expect("a process");
        process.set_terminal(Some(true));
        spec.set_process(Some(process));
        let runtime = Runtime::new(bundle.state_root());
        let options = CreateOptions::new(bundle.path()).spec(spec);
        assert!(matches!(runtime.run(&bundle.id("x"), &options), Err(Error::Terminal { .. })));
        assert!(matches!(runtime.create(&bundle.id("x"), &options), Err(Error::Terminal { .. })));
        let mut running = runtime.run(&bundle.id("c"), &options.take_terminal())?;
        let terminal = running.terminal.take().expect("a terminal");
        File::from(terminal.try_clone()?).write_all(b"words\n")?;
        assert_eq!(running.wait()?, Exit::Status(3));
        let text = read_terminal(terminal);
        assert!(text.contains("/dev/pts/0") && text.contains("got words"), "{text:?}");
        running.container.delete(false)?;

        let (running, _output) = run(bundle, &bundle.id("d"), &["sleep", "600"])?;
        let mut exec = running.container.exec(&ExecOptions::command(["tty"]).tty())?;
        assert_eq!(exec.wait()?, Exit::Status(0));
        assert_eq!(read_terminal(exec.terminal.take().expect("a terminal")), "/dev/pts/0\r\n");
        running.container.delete(true)?;
        Ok(())
    });
}
