//! strace's lines in a form that is the same for every run, machine and kernel.

/// What differs from run to run, and what stands for it.
pub(super) struct Names {
    pub paths: Vec<(String, &'static str)>,
    pub pids: Vec<String>,
}

impl Names {
    pub(super) fn apply(&self, text: &str) -> String {
        self.paths.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path, name))
    }

    /// A number that is a pid where a pid can be: the last digits of it say so.
    fn is_pid(&self, word: &str) -> bool {
        self.pids.iter().any(|pid| pid == word)
    }
}

/// The calls of one process of the floor; of the container's program there is only its exec.
pub(super) fn calls(text: &str, first: bool, names: &Names) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    // The first process begins with the exec of the floor itself, by strace.
    for line in text.lines().skip(usize::from(first)) {
        if line.starts_with("---") || line.starts_with("+++") {
            continue;
        }
        let call = one(line, names);
        // The one call that the floor repeats until it succeeds.
        let repeated = call.starts_with("unlinkat(") && calls.last() == Some(&call);
        let program = !first && call.starts_with("execve(");
        if !repeated {
            calls.push(call);
        }
        if program {
            break;
        }
    }
    calls
}

fn one(line: &str, names: &Names) -> String {
    let call = line.rsplit_once(" = ").map_or(line, |(call, _)| call).trim_end();
    let call = names.apply(call);
    match call.split_once('(') {
        // The kernel fills these in.
        Some(("wait4", _)) => "wait4(PID, STATUS, 0, RUSAGE)".to_owned(),
        Some(("read", rest)) => {
            let fd = rest.split(',').next().unwrap_or("");
            let length = rest.rsplit(", ").next().unwrap_or("");
            format!("read({fd}, ..., {length}")
        }
        Some(("pidfd_open", rest)) => {
            let (pid, rest) = rest.split_once(',').unwrap_or((rest, ""));
            let pid = if names.is_pid(pid) { "PID" } else { pid };
            format!("pidfd_open({pid},{rest}")
        }
        Some(("write", rest)) => {
            let mut parts = rest.splitn(3, ", ");
            let (fd, text) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            if names.is_pid(text.trim_matches('"')) {
                format!("write({fd}, PID, its length)")
            } else {
                plain(&call)
            }
        }
        _ => plain(&call),
    }
}

/// Without strace's comments, which differ by its version. Long hexadecimal numbers are addresses.
fn plain(call: &str) -> String {
    let mut text = String::new();
    let mut rest = call;
    while let Some((before, comment)) = rest.split_once(" /*") {
        text.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let mut parts = text.split("0x");
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let digits = part.chars().take_while(char::is_ascii_hexdigit).count();
        let (start, rest) = if digits > 6 { ("ADDRESS", &part[digits..]) } else { ("0x", part) };
        plain.push_str(start);
        plain.push_str(rest);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let paths = vec![("/run/x/state/a".to_owned(), "STATE"), ("/run/x".into(), "ROOT")];
        Names { paths, pids: vec!["41".to_owned()] }
    }

    #[test]
    fn what_varies_is_taken_out() {
        for (line, expected) in [
            (
                r#"mkdirat(AT_FDCWD, "/run/x/state/a", 0755) = 0"#,
                r#"mkdirat(AT_FDCWD, "STATE", 0755)"#,
            ),
            ("exit_group(0)                           = ?", "exit_group(0)"),
            ("pidfd_open(41, 0)   = 3", "pidfd_open(PID, 0)"),
            (r#"read(3, "41", 10) = 2"#, "read(3, ..., 10)"),
            (r#"write(5, "41", 2) = 2"#, "write(5, PID, its length)"),
            (r#"write(1, "a, b\n", 5) = 5"#, r#"write(1, "a, b\n", 5)"#),
            (
                "mount(\"n\", \"p\", NULL, MS_BIND, NULL) = -1 ENOENT (No such file or directory)",
                "mount(\"n\", \"p\", NULL, MS_BIND, NULL)",
            ),
            (
                "wait4(41, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, {ru_utime={tv_sec=0}}) = 41",
                "wait4(PID, STATUS, 0, RUSAGE)",
            ),
            (
                "clone3({flags=CLONE_VM, stack=0x7fff5b431260, stack_size=0x8000}, 88) = 41",
                "clone3({flags=CLONE_VM, stack=ADDRESS, stack_size=0x8000}, 88)",
            ),
            (
                "x({a=0 /* MS_??? */, b=0}, 0x7fff5b431260 /* 1 var */) = 0",
                "x({a=0, b=0}, ADDRESS)",
            ),
        ] {
            assert_eq!(one(line, &names()), expected);
        }
    }

    #[test]
    fn only_the_floor_s_own_calls_are_kept() {
        let parent =
            "execve(\"floor\") = 0\nrmdir(\"a\") = 0\n--- SIGCHLD {} ---\n+++ exited +++\n";
        assert_eq!(calls(parent, true, &names()), ["rmdir(\"a\")"]);
        let child = "umask(000) = 022\nexecve(\"/bin/true\", [], 0x1) = 0\nbrk(NULL) = 0\n";
        assert_eq!(calls(child, false, &names()), ["umask(000)", "execve(\"/bin/true\", [], 0x1)"]);
    }

    #[test]
    fn a_repeated_call_is_seen_unless_it_waits_for_the_cgroup() {
        let text = "x\nbrk(NULL) = 0\nbrk(NULL) = 0\nunlinkat(1) = -1 EBUSY\nunlinkat(1) = 0\n";
        assert_eq!(calls(text, true, &names()), ["brk(NULL)", "brk(NULL)", "unlinkat(1)"]);
    }
}
