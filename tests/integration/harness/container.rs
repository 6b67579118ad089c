//! The runtime's commands on a bundle's container.

use creel_probe::{Report, Try};
use serde_json::Value;

use super::{Bundle, Output, cgroup, orphans, wait_until};

impl Bundle {
    /// `run` in the foreground.
    pub(crate) fn run(&self) -> Output {
        self.run_with(&[])
    }

    /// `run` with further options.
    pub(crate) fn run_with(&self, options: &[&str]) -> Output {
        self.on_bundle("run", options).output()
    }

    /// `create` or `run` with the bundle's path and the container's id.
    pub(crate) fn on_bundle(&self, command: &str, options: &[&str]) -> super::Cmd {
        let path = self.path("");
        let path = path.to_str().expect("UTF-8");
        self.cmd(&[&[command, "--bundle", path], options, &[&self.id]].concat())
    }

    /// Runs the container to its end and reads the probe's report.
    #[track_caller]
    pub(crate) fn report(&self) -> Report {
        parse(&self.run().ok())
    }

    /// Runs the probe with one thing to try, and says what came of it.
    #[track_caller]
    pub(crate) fn try_inside(&mut self, word: &str) -> Try {
        self.try_all(&[word]).remove(0)
    }

    /// Runs the probe with things to try, and says what came of each.
    #[track_caller]
    pub(crate) fn try_all(&mut self, words: &[&str]) -> Vec<Try> {
        self.reconfigure(|c| c.probe(&[&["report"], words].concat()));
        let mut report = self.report();
        words.iter().map(|w| report.tries.remove(*w).expect("tried")).collect()
    }

    #[track_caller]
    pub(crate) fn create(&self) -> Output {
        self.on_bundle("create", &[]).ok()
    }

    #[track_caller]
    pub(crate) fn start(&self) {
        self.cmd(&["start", &self.id]).ok();
    }

    /// `create` and `start`; the output is the container's.
    #[track_caller]
    pub(crate) fn create_and_start(&self) -> Output {
        let output = self.create();
        self.start();
        output
    }

    #[track_caller]
    pub(crate) fn kill(&self, signal: &str) {
        self.cmd(&["kill", &self.id, signal]).ok();
    }

    #[track_caller]
    pub(crate) fn delete(&self) {
        self.cmd(&["delete", &self.id]).ok();
    }

    /// The output of `state`.
    #[track_caller]
    pub(crate) fn state(&self) -> Value {
        let text = self.cmd(&["state", &self.id]).ok().stdout();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("state: {e}: {text}"))
    }

    #[track_caller]
    pub(crate) fn status(&self) -> String {
        self.state()["status"].as_str().expect("a status").to_owned()
    }

    /// The process id of the container's init on the host.
    #[track_caller]
    pub(crate) fn pid(&self) -> u32 {
        self.state()["pid"].as_u64().expect("a pid") as u32
    }

    /// The processes in the container's cgroup, by their ids on the host.
    pub(crate) fn processes(&self) -> Vec<u32> {
        if !cgroup::may_be_made() {
            return self.processes_of_namespace();
        }
        let dirs = cgroup::dirs(&self.cgroup());
        let procs = dirs.first().map(|d| d.join("cgroup.procs"));
        let text = procs.and_then(|p| std::fs::read_to_string(p).ok()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Without a cgroup: those of its pid namespace.
    fn processes_of_namespace(&self) -> Vec<u32> {
        let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = namespace(self.pid());
        let mut pids = orphans::pids();
        pids.retain(|pid| own.is_some() && namespace(*pid) == own);
        pids
    }

    /// Makes creel's state name another process, without touching the start time that is saved with it.
    pub(crate) fn record_pid(&self, pid: u32) {
        let file = self.root().join(&self.id).join("state.json");
        let text = std::fs::read(&file).expect("state.json");
        let mut state: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert!(state["init"]["pid"].is_u64(), "no pid in {state}");
        state["init"]["pid"] = pid.into();
        std::fs::write(&file, state.to_string()).expect("state.json");
    }

    /// Waits until the container's process has ended, and reaps it as a shim would.
    #[track_caller]
    pub(crate) fn wait_stopped(&self) {
        wait_until("the container to stop", || {
            orphans::reap();
            self.status() == "stopped"
        });
    }

    /// Creates, starts and waits; then reads the probe's report.
    #[track_caller]
    pub(crate) fn create_start_report(&self) -> Report {
        let output = self.create_and_start();
        self.wait_stopped();
        parse(&output)
    }

    /// Runs the probe as a further process in the container.
    #[track_caller]
    pub(crate) fn exec_report(&self, options: &[&str]) -> Report {
        let words = [&["exec"], options, &[&self.id, "/bin/probe", "report"]].concat();
        parse(&self.cmd(&words).ok())
    }

    /// Starts a container that stays: the probe sleeps in it.
    #[track_caller]
    pub(crate) fn sleeping(self) -> Bundle {
        let bundle = self.config(|c| c.probe(&["sleep", "600"]));
        bundle.create_and_start();
        bundle
    }
}

#[track_caller]
pub(crate) fn parse(output: &Output) -> Report {
    let text = output.stdout();
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("no report: {e}: {text:?}; stderr: {}", output.stderr()))
}
