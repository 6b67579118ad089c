//! The program the test containers run.
//!
//! It is linked statically and needs nothing but /proc, so that a root file system of this one
//! file is enough.

use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io, thread};

use nix::fcntl::FcntlArg;
use nix::sys::signal::{SigSet, Signal};

mod agent;
mod hook;
mod look;
mod procfs;
mod sys;
mod thief;
mod tries;

const USAGE: &str = "usage: probe COMMAND
  report [huge:BYTES|memory:BYTES|realtime:PRIORITY|read:PATH|write:PATH|make:PATH|mkdir:PATH|exec:PATH|stat:PATH|mknod:PATH:b|c:MAJOR:MINOR]...
                     everything seen, as JSON on stdout
  write PATH TEXT    write a file
  echo TEXT...       print the words
  cat                copy stdin to stdout
  exit N             exit with this status
  sleep SECONDS      wait, and exit with 0
  notify TEXT...     as sigwait, then send these to $NOTIFY_SOCKET, and wait
  sigwait            print `ready`, wait for HUP, INT, TERM, USR1 or USR2, print its name
  steal              print what can be taken of other processes, until killed
  die SIGNAL         raise this signal with its default action
  without N PROGRAM  become this program, for which the system call N does not exist
  without-flag N BIT PROGRAM
                     become this program, for which N refuses this flag in its second argument
  holding N PROGRAM  become this program, with standard input open as descriptor N too
  agent SOCKET ANSWER
                     a seccomp agent: prints a line of JSON for each message, and answers notifications with
                     this errno; 0 lets the call go on, `close` ends each connection at once, `forget`
                     closes the listener
  spawn COMMAND...   start another probe in the background, then sleep
  calls FILE         make the system calls that FILE has a line for, print what came of each
  hook FILE [NAME]   append stdin, env, args and namespaces to FILE as one line of JSON
  hook-fail FILE ..  the same, then exit with 1
  hook-sleep FILE .. the same, then sleep for a minute";

fn main() -> ExitCode {
    let args: Vec<String> = env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("probe: {}: {error}", words.get(1).unwrap_or(&"?"));
            ExitCode::from(101)
        }
    }
}

fn command(words: &[&str]) -> io::Result<ExitCode> {
    match words.get(1..).unwrap_or_default() {
        ["report", tries @ ..] => print_report(tries)?,
        ["write", path, text] => fs::write(path, text)?,
        ["echo", text @ ..] => println!("{}", text.join(" ")),
        ["cat"] => drop(io::copy(&mut io::stdin(), &mut io::stdout())?),
        ["exit", n] => return Ok(ExitCode::from(number::<u8>(n)?)),
        ["sleep", seconds] => thread::sleep(Duration::from_secs(number(seconds)?)),
        ["sigwait"] => wait_for_signal()?,
        ["steal"] => thief::steal()?,
        ["notify", texts @ ..] => {
            wait_for_signal()?;
            let manager = env::var_os("NOTIFY_SOCKET").ok_or_else(|| io::Error::other("none"))?;
            let socket = UnixDatagram::unbound()?;
            for text in texts {
                socket.send_to(text.as_bytes(), &manager)?;
            }
            thread::sleep(Duration::from_secs(600));
        }
        ["die", signal] => nix::sys::signal::raise(signal.parse::<Signal>()?)?,
        ["spawn", rest @ ..] => {
            let _child = std::process::Command::new(words[0]).args(rest).spawn()?;
            thread::sleep(Duration::from_secs(600));
        }
        ["without", number_of_call, rest @ ..] => {
            sys::refuse(number(number_of_call)?)?;
            let (program, arguments) = rest.split_first().ok_or_else(|| io::Error::other(USAGE))?;
            return Err(std::process::Command::new(program).args(arguments).exec());
        }
        ["without-flag", number_of_call, flag, rest @ ..] => {
            sys::refuse_flag(number(number_of_call)?, number(flag)?)?;
            let (program, arguments) = rest.split_first().ok_or_else(|| io::Error::other(USAGE))?;
            return Err(std::process::Command::new(program).args(arguments).exec());
        }
        ["holding", descriptor, rest @ ..] => {
            nix::fcntl::fcntl(io::stdin(), FcntlArg::F_DUPFD(number(descriptor)?))?;
            let (program, arguments) = rest.split_first().ok_or_else(|| io::Error::other(USAGE))?;
            return Err(std::process::Command::new(program).args(arguments).exec());
        }
        ["agent", path, answer] => agent::serve(path, answer)?,
        ["calls", file] => make_calls(file)?,
        ["hook", file, ..] => hook::record(file)?,
        ["hook-fail", file, ..] => return hook::record(file).map(|()| ExitCode::FAILURE),
        ["hook-sleep", file, ..] => {
            hook::record(file)?;
            thread::sleep(Duration::from_secs(60));
        }
        _ => {
            eprintln!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn number<T: std::str::FromStr>(word: &str) -> io::Result<T> {
    word.parse().map_err(|_| io::Error::other(format!("{word} is no number in range")))
}

fn print_report(words: &[&str]) -> io::Result<()> {
    let report = look::report(words)?;
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &report)?;
    out.write_all(b"\n")
}

fn make_calls(file: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let mut answers = String::new();
    for line in text.lines() {
        let call = line.parse().map_err(io::Error::other)?;
        answers += &format!("{}\n", sys::calls::make(&call)?);
    }
    io::stdout().write_all(answers.as_bytes())
}

/// Blocks the signals before it says `ready`: as pid 1 an unblocked one would be thrown away.
fn wait_for_signal() -> io::Result<()> {
    let mut set = SigSet::empty();
    for signal in
        [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGUSR2]
    {
        set.add(signal);
    }
    set.thread_block()?;
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    writeln!(out, "{}", set.wait()?.as_str())
}

/// Reads all of standard input as text.
fn stdin_text() -> io::Result<String> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
