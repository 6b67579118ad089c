//! The other end of the timer program, which runs commands and measures them.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::args::Options;
use crate::error::{At, Error};
use crate::stage::Stage;

const TIMEOUT: Duration = Duration::from_secs(60);
const REPLY: usize = 7 * 8;

/// What one run of a command cost.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    /// From just before the clone until the command was reaped.
    pub wall_ns: i64,
    pub user_us: i64,
    pub system_us: i64,
    /// The largest of the command and of what it waited for.
    pub peak_kib: i64,
    pub faults: i64,
}

impl Sample {
    /// Both one after the other: times add up, the peak is the larger one.
    pub(crate) fn then(self, next: Self) -> Self {
        Self {
            wall_ns: self.wall_ns + next.wall_ns,
            user_us: self.user_us + next.user_us,
            system_us: self.system_us + next.system_us,
            peak_kib: self.peak_kib.max(next.peak_kib),
            faults: self.faults + next.faults,
        }
    }
}

impl Sample {
    /// What this cost more than another.
    pub(crate) fn less(self, other: Self) -> Self {
        Self {
            wall_ns: self.wall_ns - other.wall_ns,
            user_us: self.user_us - other.user_us,
            system_us: self.system_us - other.system_us,
            peak_kib: self.peak_kib - other.peak_kib,
            faults: self.faults - other.faults,
        }
    }
}

pub(crate) struct Timer {
    process: Child,
    requests: ChildStdin,
    replies: ChildStdout,
    stderr: PathBuf,
}

impl Timer {
    pub(crate) fn start(stage: &Stage, options: &Options) -> Result<Self, Error> {
        let program = options.bare.join("timer");
        let stderr = stage.file("stderr");
        let mut process = Command::new(&program)
            .arg(&stderr)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .at("start", program)?;
        let gone = || Error::Timer { what: "has no pipes", source: io::ErrorKind::Other.into() };
        let requests = process.stdin.take().ok_or_else(gone)?;
        let replies = process.stdout.take().ok_or_else(gone)?;
        Ok(Self { process, requests, replies, stderr })
    }

    /// Runs the command; it must end with 0.
    pub(crate) fn run(&mut self, argv: &[String]) -> Result<Sample, Error> {
        let mut packed = argv.join("\0").into_bytes();
        packed.push(0);
        let mut request = (packed.len() as u32).to_ne_bytes().to_vec();
        request.append(&mut packed);
        let died = |source| Error::Timer { what: "does not take commands", source };
        self.requests.write_all(&request).map_err(died)?;
        let [wall_ns, status, user_us, system_us, peak_kib, faults, errno] = self.reply(argv)?;
        if errno != 0 {
            let source = io::Error::from_raw_os_error(errno as i32);
            return Err(Error::Exec { command: argv.join(" "), source });
        }
        if status != 0 {
            return Err(self.failed(argv, status as i32));
        }
        Ok(Sample { wall_ns, user_us, system_us, peak_kib, faults })
    }

    fn reply(&mut self, argv: &[String]) -> Result<[i64; 7], Error> {
        let died = |source| Error::Timer { what: "does not answer", source };
        let mut wait = [PollFd::new(self.replies.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(TIMEOUT).unwrap_or(PollTimeout::MAX);
        if poll(&mut wait, timeout).map_err(|e| died(e.into()))? == 0 {
            return Err(Error::Hung { command: argv.join(" "), after: TIMEOUT });
        }
        let mut bytes = [0; REPLY];
        self.replies.read_exact(&mut bytes).map_err(died)?;
        let mut numbers = [0; 7];
        for (number, chunk) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            *number = i64::from_ne_bytes(word);
        }
        Ok(numbers)
    }

    fn failed(&self, argv: &[String], status: i32) -> Error {
        let signal = status & 0x7f;
        let code = if signal == 0 { (status >> 8) & 0xff } else { 128 + signal };
        // The whole run's stderr is in the file; the last lines are this command's.
        let stderr = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        let lines: Vec<_> = stderr.lines().rev().take(3).collect();
        let stderr = lines.into_iter().rev().collect::<Vec<_>>().join(" / ");
        Error::Ended { command: argv.join(" "), expected: 0, code, stderr }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
