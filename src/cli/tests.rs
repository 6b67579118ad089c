use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn globals(line: &str) -> (Globals, Vec<OsString>) {
    Globals::parse(words(line)).unwrap()
}

/// The debug form says every field by name, which is all that the tests ask.
fn command(line: &str) -> String {
    format!("{:?}", parse_command(words(line)).unwrap())
}

fn usage(line: &str) -> String {
    let (_, rest) = match Globals::parse(words(line)) {
        Ok(parsed) => parsed,
        Err(Stop::Usage(error)) => return error.to_string(),
        Err(Stop::Answer(text)) => panic!("{line}: {text}"),
    };
    match parse_command(rest) {
        Err(Stop::Usage(error)) => error.to_string(),
        other => panic!("{line}: {other:?}"),
    }
}

fn answer(line: &str) -> String {
    let stop = match Globals::parse(words(line)) {
        Ok((_, rest)) => parse_command(rest).unwrap_err(),
        Err(stop) => stop,
    };
    match stop {
        Stop::Answer(text) => text,
        Stop::Usage(error) => panic!("{line}: {error}"),
    }
}

fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn global_flags_stand_before_the_command() {
    let line = "--root /r --log=/l/log.json -log-format json --debug --systemd-cgroup=true \
                --rootless auto --criu /c state -x";
    let (found, rest) = globals(line);
    assert_eq!(found.root, Some("/r".into()));
    assert_eq!(found.log, Some("/l/log.json".into()));
    assert_eq!(found.log_format, "json");
    assert!(found.debug && found.systemd_cgroup);
    assert_eq!(rest, words("state -x"));
    assert!(usage("state --root /r x").starts_with("flag provided but not defined: -root"));
}

#[test]
fn without_flags_the_defaults_count() {
    let (found, rest) = globals("list");
    assert_eq!(found.log_format, "text");
    assert_eq!((found.root, found.log), (None, None));
    assert!(!found.debug && !found.systemd_cgroup);
    assert_eq!(rest, words("list"));
}

#[test]
fn the_last_of_several_wins() {
    assert_eq!(globals("--root /a --root=/b list").0.root, Some("/b".into()));
    assert_has(&command("create --bundle /a -b /b x"), &["bundle: \"/b\""]);
}

#[test]
fn containerds_calls_are_read() {
    let line = "--root /run/x --log /b/log.json --log-format json create --bundle /b \
                --pid-file /b/init.pid --console-socket /s --no-pivot --no-new-keyring ID";
    let (_, rest) = globals(line);
    let Command::Create(_) = parse_command(rest.clone()).unwrap() else { panic!("not create") };
    assert_has(
        &format!("{:?}", parse_command(rest).unwrap()),
        &[
            "bundle: \"/b\"",
            "pid_file: Some(\"/b/init.pid\")",
            "console_socket: Some(\"/s\")",
            "no_pivot: true",
            "no_new_keyring: true",
            "id: \"ID\"",
        ],
    );
    let exec = command("exec --process /p --detach --pid-file /e.pid ID");
    assert_has(&exec, &["process: Some(\"/p\")", "detach: true", "command: []"]);
    assert_has(&command("kill --all ID 9"), &["all: true", "signal: \"9\""]);
    assert_has(&command("delete --force ID"), &["force: true"]);
    assert_has(
        &command(
            "restore --image-path /i --work-path /w --detach --pid-file /p --no-pivot \
             -no-subreaper --bundle /b ID",
        ),
        &["no_subreaper: true", "no_pivot: true"],
    );
    assert_has(
        &command("checkpoint --image-path /i --empty-ns network --empty-ns ipc --leave-running ID"),
        &["empty_ns: [\"network\", \"ipc\"]", "leave_running: true"],
    );
    assert_has(&command("update --resources=- ID"), &["resources: Some(\"-\")"]);
    assert_has(&command("update --resources - ID"), &["resources: Some(\"-\")", "id: \"ID\""]);
    assert_has(&command("ps --format json ID"), &["format: \"json\""]);
    assert_has(&command("features"), &["Features"]);
    assert_has(&command("run -no-subreaper -preserve-fds=3 ID"), &["preserve_fds: 3"]);
}

#[test]
fn kill_sends_term_unless_told_otherwise() {
    assert_has(&command("kill ID"), &["signal: \"TERM\"", "all: false"]);
    assert_has(&command("kill ID SIGKILL -a"), &["signal: \"SIGKILL\"", "all: true"]);
    assert_has(&command("kill ID -9"), &["signal: \"-9\""]);
}

#[test]
fn everything_behind_execs_id_is_the_command() {
    let found = command("exec -t -u 1:2 -e A=b --env C=d -g 5 -c CAP_KILL ID ls -t --tty -- -x");
    assert_has(
        &found,
        &[
            "tty: true",
            "user: Some(\"1:2\")",
            "env: [\"A=b\", \"C=d\"]",
            "additional_gids: [5]",
            "cap: [\"CAP_KILL\"]",
            "id: \"ID\"",
            "command: [\"ls\", \"-t\", \"--tty\", \"--\", \"-x\"]",
        ],
    );
    assert_has(&command("exec ID --help"), &["command: [\"--help\"]"]);
}

#[test]
fn bad_usage_is_told_in_runcs_words() {
    let cases = [
        ("--bogus state x", "flag provided but not defined: -bogus"),
        ("--root", "flag needs an argument: -root"),
        ("kill --bogus x", "flag provided but not defined: -bogus"),
        ("restore --lsm-mount-context", "flag needs an argument: -lsm-mount-context"),
        ("delete --force=xx x", "invalid boolean value \"xx\" for -force: parse error"),
        ("state", "creel: \"state\" requires exactly 1 argument(s)"),
        ("state a b", "creel: \"state\" requires exactly 1 argument(s)"),
        ("list x", "creel: \"list\" requires exactly 0 argument(s)"),
        ("exec", "creel: \"exec\" requires a minimum of 1 argument(s)"),
        ("kill", "creel: \"kill\" requires 1 to 2 arguments"),
        ("create --preserve-fds=abc x", "invalid value \"abc\" for flag --preserve-fds: "),
        ("create --preserve-fds=-1 x", "invalid value \"-1\" for flag --preserve-fds: "),
        ("bogus", "there is no command \"bogus\""),
        ("help bogus", "there is no command \"bogus\""),
        ("state --version", "flag provided but not defined: -version"),
    ];
    for (line, expected) in cases {
        let found = usage(line);
        assert!(found.starts_with(expected), "{line}: {found}");
        assert!(!found.contains('\n'), "{line}: {found}");
    }
}

#[test]
fn the_version_has_three_lines_for_engines() {
    for line in ["--version", "-v", "--version state x"] {
        let text = answer(line);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], concat!("creel version ", env!("CARGO_PKG_VERSION")));
        assert!(lines[1].starts_with("commit: ") && lines[1].len() > 8, "{text}");
        assert_eq!(lines[2], "spec: 1.3.0");
    }
}

#[test]
fn every_command_has_help_that_names_its_flags() {
    assert_has(&answer(""), &["create", "restore", "--root", "--systemd-cgroup"]);
    assert_eq!(answer("--help"), answer("help"));
    let checkpoint = answer("checkpoint --help");
    assert_has(&checkpoint, &["--image-path", "--manage-cgroups-mode"]);
    assert!(checkpoint.starts_with("Checkpoint a running container\n"), "{checkpoint}");
    assert_has(&answer("create -h"), &["--bundle", "<container-id>", "creel create"]);
    assert_eq!(answer("help create"), answer("create --help"));
    for line in answer("").lines().filter_map(|line| line.strip_prefix("  ")) {
        if let Some((name, _)) =
            line.split_once("  ").filter(|(name, _)| table::find(name).is_some())
        {
            assert_has(&answer(&format!("{name} --help")), &[&format!("creel {name}")]);
        }
    }
}
