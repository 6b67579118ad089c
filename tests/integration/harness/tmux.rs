//! A terminal with somebody at it: tmux shows what is on the screen, and types.

use std::path::PathBuf;

use super::{Bundle, run, wait_until};

/// A tmux server of its own with one window, in which a shell runs.
pub(crate) struct Tmux {
    socket: PathBuf,
}

/// The prompt of that shell.
const PROMPT: &str = "outer>";

impl Tmux {
    /// Whether there is tmux.
    pub(crate) fn is_there() -> bool {
        run(std::process::Command::new("tmux").arg("-V"))
            .is_ok_and(|output| output.status.success())
    }

    /// A window of so many columns and rows.
    pub(crate) fn new(bundle: &Bundle, (columns, rows): (u16, u16)) -> Tmux {
        let tmux = Tmux { socket: bundle.outside("tmux").join("socket") };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let prompt = format!("PS1={PROMPT} ");
        let shell =
            ["env", "-u", "ENV", &prompt, "TERM=screen", "bash", "--norc", "--noprofile", "-i"];
        let session = ["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows];
        tmux.command(&[&session[..], &shell[..]].concat());
        tmux.wait_for(PROMPT);
        tmux
    }

    fn command(&self, words: &[&str]) -> String {
        let mut tmux = std::process::Command::new("tmux");
        let output =
            run(tmux.arg("-S").arg(&self.socket).args(words).env_remove("TMUX")).expect("tmux");
        assert!(output.status.success(), "tmux {words:?}: {}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line.
    pub(crate) fn line(&self, text: &str) {
        self.command(&["send-keys", "-l", text]);
        self.keys(&["Enter"]);
    }

    /// Presses keys, by tmux's names.
    pub(crate) fn keys(&self, keys: &[&str]) {
        self.command(&[&["send-keys"], keys].concat());
    }

    /// The window's terminal device.
    pub(crate) fn tty(&self) -> String {
        self.command(&["display-message", "-p", "#{pane_tty}"]).trim().to_owned()
    }

    /// Makes the window another size.
    pub(crate) fn resize(&self, (columns, rows): (u16, u16)) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.command(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        self.command(&["capture-pane", "-p", "-J"])
    }

    /// Waits until this is on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    /// Waits until there is a line that is this.
    #[track_caller]
    pub(crate) fn wait_for_line(&self, line: &str) {
        self.wait(line, |screen| screen.lines().any(|found| found.trim_end() == line));
    }

    #[track_caller]
    fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) {
        let mut last = String::new();
        wait_until(&format!("{what:?} on the screen; {}", self.socket.display()), || {
            let screen = self.screen();
            let found = is_there(&screen);
            if screen != last {
                // Seen when the test fails.
                println!("---- screen ----\n{}", screen.trim_end());
                last = screen;
            }
            found
        });
    }

    /// Empties the screen, so that what is waited for is new.
    pub(crate) fn clear(&self) {
        self.command(&["send-keys", "-R"]);
        self.command(&["clear-history"]);
    }

    /// Runs a line in the outer shell and waits for its prompt.
    #[track_caller]
    pub(crate) fn outer(&self, line: &str) {
        self.clear();
        self.line(&format!("{line}; echo do''ne"));
        self.wait_for_line("done");
    }

    /// The settings of the terminal, without its size, as the outer shell's programs have them.
    #[track_caller]
    pub(crate) fn settings(&self, bundle: &Bundle) -> String {
        let file = bundle.outside("stty").join("settings");
        self.outer(&format!("stty -a > {}", file.display()));
        let text = std::fs::read_to_string(file).expect("the settings");
        let (first, rest) = text.split_once('\n').expect("lines");
        assert!(first.contains("rows"), "{text}");
        rest.to_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let mut tmux = std::process::Command::new("tmux");
        let _ = run(tmux.arg("-S").arg(&self.socket).arg("kill-server"));
    }
}
