use super::super::{Stop, parse_command, read, table};
use super::*;
use crate::commands::Command;

/// Words that command lines are made of: flags in all forms, values, and what only looks like them.
const WORDS: &[&str] = &[
    "-b",
    "--bundle",
    "-bundle=/b",
    "--bundle=",
    "/b",
    "-f",
    "--config=/c",
    "--pid-file",
    "-pid-file=/p",
    "--no-pivot",
    "--no-pivot=false",
    "--no-new-keyring",
    "--preserve-fds",
    "--preserve-fds=3",
    "3",
    "+3",
    "03",
    "4294967296",
    "-d",
    "--detach",
    "--detach=true",
    "--keep",
    "-no-subreaper",
    "--console-socket=/s",
    "--pidfd-socket=/s",
    "-t",
    "-e",
    "A=b",
    "--env=C=d",
    "--cwd",
    "-u",
    "1:2",
    "--process=/p",
    "-p",
    "--force",
    "--all",
    "-a",
    "--regex",
    "-r",
    "--format",
    "--format=json",
    "-q",
    "--quiet",
    "id",
    "KILL",
    "-9",
    "--",
    "-",
    "",
    "---keep",
    "--bogus",
    "-h",
    "--help",
    "--tty=0",
    "--cgroup=x",
    "-g",
    "5",
];
const GLOBAL_WORDS: &[&str] = &[
    "--root",
    "--root=/r",
    "-root",
    "/r",
    "--log",
    "--log=/l",
    "--log-format",
    "json",
    "--log-format=text",
    "--debug",
    "--debug=false",
    "--log-level=error",
    "--systemd-cgroup",
    "--cgroup-manager",
    "--cgroup-manager=x",
    "--rootless=true",
    "--rootless",
    "--criu=/c",
    "-v",
    "--version",
    "-V",
    "--",
    "-",
    "",
    "--root=",
    "state",
    "-h",
    "--bogus",
];
const COMMANDS: &[&str] = &["create", "delete", "exec", "kill", "list", "run", "start", "state"];

/// xorshift64, from a fixed seed: a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Up to six words.
    fn line(&mut self, words: &[&str]) -> Vec<OsString> {
        let length = self.below(7);
        (0..length).map(|_| OsString::from(words[self.below(words.len())])).collect()
    }
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

/// What the quick way and clap make of a command's words.
fn both_ways(command: &str, argv: &[OsString]) -> (Option<Command>, Result<Command, Stop>) {
    fn both<T: Quick + clap::Args>(
        command: &str,
        argv: &[OsString],
        made: fn(T) -> Command,
    ) -> (Option<Command>, Result<Command, Stop>) {
        let entry = table::find(command).unwrap();
        (super::read(entry, argv).map(made), read(entry, argv.to_vec()).map(made))
    }
    match command {
        "create" => both(command, argv, Command::Create),
        "delete" => both(command, argv, Command::Delete),
        "exec" => both(command, argv, Command::Exec),
        "kill" => both(command, argv, Command::Kill),
        "list" => both(command, argv, Command::List),
        "run" => both(command, argv, Command::Run),
        "start" => both(command, argv, Command::Start),
        "state" => both(command, argv, Command::State),
        other => panic!("{other}"),
    }
}

#[test]
fn what_is_read_quickly_is_what_clap_reads() {
    let mut random = Random(0x5eed);
    for command in COMMANDS {
        let mut read = 0;
        for _ in 0..6000 {
            let argv = random.line(WORDS);
            let (quick, clap) = both_ways(command, &argv);
            if let Some(quick) = quick {
                assert_eq!(quick, clap.unwrap(), "{command} {argv:?}");
                read += 1;
            }
        }
        assert!(read > 100, "{command}: only {read} lines were read at all");
    }
}

#[test]
fn global_flags_are_what_clap_reads() {
    let mut random = Random(0x5eed);
    let mut read = 0;
    for _ in 0..10_000 {
        let argv = random.line(GLOBAL_WORDS);
        if let Some((quick, words)) = globals(&argv) {
            let (clap, rest) = Globals::parse_any(argv.clone()).unwrap();
            assert_eq!((quick, &argv[words..]), (clap, &rest[..]), "{argv:?}");
            read += 1;
        }
    }
    assert!(read > 300, "only {read} lines were read at all");
}

#[test]
fn the_calls_of_every_day_need_no_clap() {
    let lines = [
        "--root /run/containerd/runc/k8s.io --log /b/log.json --log-format json create --bundle /b --pid-file /b/init.pid ID",
        "--root /r --log /l --log-format json --systemd-cgroup start ID",
        "--root=/r --log=/l state ID",
        "--cgroup-manager systemd --log-level error run -b /b -d --pid-file=/p ID",
        "--rootless=true kill --all ID 9",
        "delete --force ID",
        "exec --process /p --detach --pid-file /e.pid ID",
        "exec -t -u 1:2 -e A=b --cwd / ID ls -l --all",
        "list -q",
    ];
    for line in lines {
        let argv = words(line);
        let (_, count) = globals(&argv).unwrap();
        let (name, argv) = argv[count..].split_first().unwrap();
        let (quick, _) = both_ways(name.to_str().unwrap(), argv);
        assert!(quick.is_some(), "{line}");
    }
}

#[test]
fn what_is_wrong_is_left_to_clap() {
    for line in
        ["state", "state a b", "start --bogus ID", "run --preserve-fds=x ID", "kill ID --all=2"]
    {
        let (name, argv) = line.split_once(' ').unwrap_or((line, ""));
        assert!(both_ways(name, &words(argv)).0.is_none(), "{line}");
        assert!(matches!(parse_command(words(line)), Err(Stop::Usage(_))), "{line}");
    }
}
