//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::operation::Operation;

pub(crate) enum Action {
    Measure,
    FloorTrace { check: bool },
    Budget { check: bool },
    Scale,
    Plot,
}

pub(crate) struct Options {
    pub action: Action,
    /// Rounds per operation and mode.
    pub runs: usize,
    /// How many are alive at once, in the end, where that is what is measured.
    pub containers: u32,
    /// Before every sample of the paused mode.
    pub pause: Duration,
    pub operations: Vec<Operation>,
    /// NAME=PATH, in the order given; the later of two with the same name counts.
    pub runtimes: Vec<(String, PathBuf)>,
    pub skip: Vec<String>,
    pub json: Option<PathBuf>,
    /// A JSON merge patch for the bundle's config.json.
    pub merge: Option<PathBuf>,
    /// A config.json of which linux.seccomp is taken, for the operation that is about it.
    pub seccomp: Option<PathBuf>,
    /// hack/bench.d
    pub source: PathBuf,
    /// Where `floor` and `timer` were built.
    pub bare: PathBuf,
}

impl Options {
    /// The folder docs of the tree.
    pub(crate) fn docs(&self) -> PathBuf {
        self.source.join("../../docs")
    }
}

/// Reads the arguments; the error is a sentence for the user.
pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        action: Action::Measure,
        runs: 50,
        containers: 1000,
        pause: Duration::from_millis(30),
        operations: Operation::ALL.to_vec(),
        runtimes: Vec::new(),
        skip: Vec::new(),
        json: None,
        merge: None,
        seccomp: None,
        source: PathBuf::new(),
        bare: PathBuf::new(),
    };
    let mut args = args.peekable();
    if args.next_if(|word| word == "floor-trace").is_some() {
        let check = args.next_if(|word| word == "--check").is_some();
        options.action = Action::FloorTrace { check };
    } else if args.next_if(|word| word == "budget").is_some() {
        let check = args.next_if(|word| word == "--check").is_some();
        options.action = Action::Budget { check };
    } else if args.next_if(|word| word == "scale").is_some() {
        options.action = Action::Scale;
    } else if args.next_if(|word| word == "plot").is_some() {
        options.action = Action::Plot;
    }
    while let Some(flag) = args.next() {
        let value = args.next().ok_or_else(|| format!("{flag} needs a value, or is unknown"))?;
        match flag.as_str() {
            "--runs" => options.runs = positive(&flag, &value)?,
            "--containers" => {
                options.containers = positive(&flag, &value)?.try_into().unwrap_or(u32::MAX)
            }
            "--pause" => options.pause = Duration::from_millis(positive(&flag, &value)? as u64),
            "--only" => options.operations = operations(&value)?,
            "--runtime" => options.runtimes.push(name_and_path(&value)?),
            "--skip" => options.skip.extend(value.split(',').map(str::to_owned)),
            "--json" => options.json = Some(value.into()),
            "--merge" => options.merge = Some(value.into()),
            "--seccomp" => options.seccomp = Some(value.into()),
            "--source" => options.source = value.into(),
            "--bare" => options.bare = value.into(),
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    if options.seccomp.is_none() {
        options.operations.retain(|operation| *operation != Operation::Seccomp);
    }
    Ok(options)
}

fn positive(flag: &str, value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{flag} takes a number above 0, not {value:?}")),
    }
}

fn operations(list: &str) -> Result<Vec<Operation>, String> {
    list.split(',')
        .map(|name| {
            Operation::by_name(name).ok_or_else(|| {
                let known: Vec<_> = Operation::ALL.iter().map(|o| o.name()).collect();
                format!("unknown operation {name:?}, known are {}", known.join(", "))
            })
        })
        .collect()
}

fn name_and_path(value: &str) -> Result<(String, PathBuf), String> {
    match value.split_once('=') {
        Some((name, path)) if is_name(name) && !path.is_empty() => Ok((name.into(), path.into())),
        _ => Err(format!("--runtime takes NAME=PATH, a name of [a-z0-9._-], not {value:?}")),
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &str) -> Result<Options, String> {
        parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_taken() {
        let options = parse_words("--runs 7 --only run,exec --runtime crun=/x/crun --skip runc,a");
        let options = options.unwrap();
        assert_eq!(options.runs, 7);
        assert_eq!(options.operations, [Operation::Run, Operation::Exec]);
        assert_eq!(options.runtimes, [("crun".to_owned(), "/x/crun".into())]);
        assert_eq!(options.skip, ["runc", "a"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (words, part) in [
            ("--runs 0", "--runs takes a number above 0"),
            ("--only nap", "unknown operation \"nap\""),
            ("--runtime /x", "NAME=PATH"),
            ("--runtime a/b=/x", "NAME=PATH"),
            ("--nonsense 1", "unknown flag --nonsense"),
            ("--runs", "--runs needs a value"),
        ] {
            let message = parse_words(words).err().unwrap();
            assert!(message.contains(part), "{words}: {message}");
        }
    }

    #[test]
    fn the_first_word_may_be_an_action() {
        let options = parse_words("floor-trace --check --bare /b").unwrap();
        assert!(matches!(options.action, Action::FloorTrace { check: true }));
        let options = parse_words("budget --bare /b").unwrap();
        assert!(matches!(options.action, Action::Budget { check: false }));
        let options = parse_words("scale --containers 20 --json x").unwrap();
        assert!(matches!(options.action, Action::Scale));
        assert_eq!(options.containers, 20);
    }
}
