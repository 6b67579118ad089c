//! Everything the user is told, written once, at the edge, in the form that engines read.
//!
//! Without `--log` a message is one log line on stderr. With it the log line goes to the file,
//! and an error's bare text to stderr as well, because Podman and CRI-O read it there and
//! containerd reads the file.

use std::{
    error::Error,
    ffi::OsStr,
    fs::File,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use nix::errno::Errno;
use serde::Serialize;

use libcontainer::rfc3339;

use crate::failure::Failure;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `time="..." level=error msg="..."`
    Text,
    /// `{"level":"error","msg":"...","time":"..."}`
    Json,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Trace,
    Debug,
    Warning,
    Error,
}

/// Where messages go and how they look.
#[derive(Debug)]
pub(crate) struct Report {
    file: Option<File>,
    format: Format,
    /// The least that is reported.
    level: Level,
}

impl Report {
    /// The report of a start whose flags are not known yet.
    pub(crate) fn to_stderr() -> Self {
        Self { file: None, format: Format::Text, level: Level::Warning }
    }

    /// The report that `--log`, `--log-format`, `--log-level` and `--debug` ask for.
    pub(crate) fn open(log: Option<&Path>, format: &str, level: Level) -> Result<Self, Failure> {
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            other => return Err(Failure::LogFormat { found: other.to_owned() }),
        };
        let file = log.map(log_file).transpose()?.flatten().map(append).transpose()?;
        Ok(Self { file, format, level })
    }

    /// Takes in what the library has to say besides its results, from now on.
    pub(crate) fn listen_to_library(&self) -> Result<(), Failure> {
        let file = self.file.as_ref().map(File::try_clone).transpose();
        let file =
            file.map_err(|source| Failure::OpenLog { path: "(duplicate)".into(), source })?;
        let listener: &Listener = Box::leak(Box::new(Listener { file, format: self.format }));
        // It fails only when there is a listener already; a command has one report.
        if log::set_logger(listener).is_ok() {
            log::set_max_level(match self.level {
                Level::Error => log::LevelFilter::Error,
                Level::Debug | Level::Warning => log::LevelFilter::Warn,
                Level::Trace => log::LevelFilter::Trace,
            });
        }
        Ok(())
    }

    /// Says why nothing came of the command.
    pub(crate) fn error(&mut self, failure: &Failure) {
        let message = in_words(failure);
        self.log(Level::Error, &message);
        if self.file.is_some() {
            // Nobody is left to tell that stderr is closed.
            let _ = writeln!(io::stderr(), "{message}");
        }
    }

    /// Says what is doubtful although the command goes on.
    pub(crate) fn warning(&mut self, message: &str) {
        self.log(Level::Warning, message);
    }

    /// Says what `--debug` asks for.
    pub(crate) fn debug(&mut self, message: impl FnOnce() -> String) {
        if self.level <= Level::Debug {
            self.log(Level::Debug, &message());
        }
    }

    fn log(&mut self, level: Level, message: &str) {
        if level < self.level {
            return;
        }
        write_line(self.file.as_ref(), self.format, level, message);
    }
}

/// The library's warnings, in the form of the command's report.
struct Listener {
    file: Option<File>,
    format: Format,
}

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // Of what is below a warning only where the time went; it is off by the greatest level unless it was asked for.
        metadata.level() <= log::Level::Warn || metadata.target() == libcontainer::TRACE_TARGET
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let message = record.args().to_string();
            let level = match record.level() {
                log::Level::Trace => Level::Trace,
                _ => Level::Warning,
            };
            write_line(self.file.as_ref(), self.format, level, &message);
        }
    }

    fn flush(&self) {}
}

/// One write, so that lines of several processes do not mix.
fn write_line(file: Option<&File>, format: Format, level: Level, message: &str) {
    let line = line(format, level, message, SystemTime::now());
    let _ = match file {
        Some(mut file) => file.write_all(line.as_bytes()),
        None => io::stderr().write_all(line.as_bytes()),
    };
}

/// Writes a command's answer; a closed pipe is an error like any other, not a panic.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|source| Failure::Print { source })
}

/// The file that is meant: nothing is none, and crun's callers may say which kind of log it is.
fn log_file(log: &Path) -> Result<Option<&Path>, Failure> {
    let bytes = log.as_os_str().as_bytes();
    if bytes.starts_with(b"syslog:") || bytes.starts_with(b"journald:") {
        return Err(Failure::LogKind { found: log.to_owned() });
    }
    let path = bytes.strip_prefix(b"file:").map_or(log, |path| Path::new(OsStr::from_bytes(path)));
    Ok(Some(path).filter(|path| !path.as_os_str().is_empty()))
}

fn append(path: &Path) -> Result<File, Failure> {
    // Nobody else may write to it, whatever the umask.
    let opened = File::options().append(true).create(true).mode(0o644).open(path);
    opened.map_err(|source| Failure::OpenLog { path: path.to_path_buf(), source })
}

/// All that there is to say of a failure.
pub(crate) fn in_words(failure: &Failure) -> String {
    let mut message = chain(failure);
    if let Some(advice) = failure.advice() {
        message.push_str("; ");
        message.push_str(advice);
    }
    message
}

/// The error and its sources, from the step that failed down to the kernel's reason.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&reason(source));
        next = source.source();
    }
    text
}

/// An error's own words; the kernel's reasons in the form that engines search messages for:
/// `no such file or directory`, without Rust's capital and number.
fn reason(error: &(dyn Error + 'static)) -> String {
    let of_io = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
    let errno = of_io.map(Errno::from_raw).or_else(|| error.downcast_ref::<Errno>().copied());
    match errno {
        Some(errno) if errno != Errno::UnknownErrno => uncapitalized(errno.desc()),
        _ => error.to_string(),
    }
}

fn uncapitalized(text: &str) -> String {
    // "RPC struct is bad" and "I/O error" keep theirs.
    let word = text.get(1..2).is_some_and(|second| second.chars().all(|c| c.is_ascii_lowercase()));
    match text.get(..1) {
        Some(first) if word => first.to_ascii_lowercase() + &text[1..],
        _ => text.to_owned(),
    }
}

fn line(format: Format, level: Level, message: &str, now: SystemTime) -> String {
    let time = rfc3339(now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
    match format {
        Format::Text => {
            let level = match level {
                Level::Trace => "trace",
                Level::Debug => "debug",
                Level::Warning => "warning",
                Level::Error => "error",
            };
            format!("time=\"{time}\" level={level} msg={}\n", quoted(message))
        }
        Format::Json => {
            let entry = Entry { level, msg: message, time: &time };
            // Strings always serialize.
            serde_json::to_string(&entry).unwrap_or_default() + "\n"
        }
    }
}

#[derive(Serialize)]
struct Entry<'m> {
    level: Level,
    msg: &'m str,
    time: &'m str,
}

/// One line whatever the message has in it; a plain word stands without quotes.
fn quoted(message: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/@^+".contains(c);
    if !message.is_empty() && message.chars().all(plain) {
        return message.to_owned();
    }
    let mut text = String::from("\"");
    for c in message.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c.is_ascii_control() => text.push_str(&format!("\\x{:02x}", c as u32)),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn text_lines_look_as_logrus_writes_them() {
        let line = |message| line(Format::Text, Level::Error, message, at(1_700_000_000));
        let lead = "time=\"2023-11-14T22:13:20Z\" level=error msg=";
        assert_eq!(
            line("container does not exist"),
            format!("{lead}\"container does not exist\"\n")
        );
        assert_eq!(line("word"), format!("{lead}word\n"));
        assert_eq!(line(""), format!("{lead}\"\"\n"));
        assert_eq!(line("a \"b\"\nc\\\u{1b}"), format!("{lead}\"a \\\"b\\\"\\nc\\\\\\x1b\"\n"));
    }

    #[test]
    fn json_lines_are_one_object_on_one_line() {
        let line = line(Format::Json, Level::Warning, "a \"b\"\nc", at(0));
        assert_eq!(
            line,
            "{\"level\":\"warning\",\"msg\":\"a \\\"b\\\"\\nc\",\"time\":\"1970-01-01T00:00:00Z\"}\n"
        );
    }

    #[test]
    fn dates() {
        let cases = [
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn the_chain_of_sources_is_joined() {
        let with = |source| chain(&Failure::OpenLog { path: "/x/y".into(), source });
        let text = with(io::Error::other("a reason"));
        assert_eq!(text, "cannot open the log /x/y: a reason");
        let text = with(io::Error::from_raw_os_error(2));
        assert_eq!(text, "cannot open the log /x/y: no such file or directory");
        let text = with(io::Error::from_raw_os_error(5));
        assert_eq!(text, "cannot open the log /x/y: I/O error");
    }

    #[test]
    fn a_log_file_is_appended_to() {
        let path = std::env::temp_dir().join(format!("creel-report-{}", std::process::id()));
        for format in ["text", "json"] {
            let mut report = Report::open(Some(&path), format, Level::Warning).unwrap();
            report.warning("first");
            report.debug(|| unreachable!("not asked for"));
        }
        let text = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].ends_with("level=warning msg=first"), "{text}");
        assert!(lines[1].starts_with("{\"level\":\"warning\",\"msg\":\"first\""), "{text}");
    }

    #[test]
    fn an_unknown_format_is_refused() {
        let failure = Report::open(None, "xml", Level::Warning).unwrap_err();
        assert!(failure.to_string().contains("\"xml\""), "{failure}");
    }
}
