//! libseccomp, as runc uses it: what it makes of a profile. Only for tests, and only where its headers and a
//! compiler are installed.

use crate::seccomp::architecture::native;
use crate::skip::skip;
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSyscall};
use seccompiler::sock_filter;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// libseccomp 2.5 names the architectures but for these.
pub(super) const ARCHITECTURES: [Arch; 19] = [
    Arch::ScmpArchX86_64,
    Arch::ScmpArchX86,
    Arch::ScmpArchX32,
    Arch::ScmpArchArm,
    Arch::ScmpArchAarch64,
    Arch::ScmpArchMips,
    Arch::ScmpArchMips64,
    Arch::ScmpArchMips64n32,
    Arch::ScmpArchMipsel,
    Arch::ScmpArchMipsel64,
    Arch::ScmpArchMipsel64n32,
    Arch::ScmpArchPpc,
    Arch::ScmpArchPpc64,
    Arch::ScmpArchPpc64le,
    Arch::ScmpArchS390,
    Arch::ScmpArchS390x,
    Arch::ScmpArchParisc,
    Arch::ScmpArchParisc64,
    Arch::ScmpArchRiscv64,
];

/// The oracle.
pub(super) struct Oracle {
    program: PathBuf,
}

impl Oracle {
    /// `None`, with a word about it, where there can be none.
    pub(super) fn get() -> Option<&'static Oracle> {
        static ORACLE: OnceLock<Result<Oracle, String>> = OnceLock::new();
        match ORACLE.get_or_init(Oracle::build) {
            Ok(oracle) => Some(oracle),
            Err(reason) => {
                skip(reason);
                None
            }
        }
    }

    fn build() -> Result<Oracle, String> {
        if native().is_none() || !Path::new("/usr/include/seccomp.h").exists() {
            return Err("needs libseccomp-dev".to_owned());
        }
        let directory = std::env::temp_dir().join(format!("creel-oracle-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let program = directory.join("oracle");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/seccomp/tests/oracle.c");
        let compiled = Command::new("gcc")
            .args(["-O1", "-o"])
            .args([&program, &source])
            .arg("-lseccomp")
            .output()
            .map_err(|error| format!("needs gcc: {error}"))?;
        if !compiled.status.success() {
            return Err(String::from_utf8_lossy(&compiled.stderr).into_owned());
        }
        Ok(Oracle { program })
    }

    fn ask(&self, question: &str) -> Vec<u8> {
        let mut child = Command::new(&self.program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle");
        let mut input = child.stdin.take().expect("its input");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || input.write_all(question.as_bytes()));
            child.wait_with_output().expect("its output")
        });
        assert!(output.status.success(), "the oracle failed: {}", output.status);
        output.stdout
    }

    /// The programs of many profiles, each on its machine.
    pub(super) fn programs(&self, profiles: &[(Arch, LinuxSeccomp)]) -> Vec<Vec<sock_filter>> {
        let question: String =
            profiles.iter().map(|(native, profile)| as_lines(*native, profile)).collect();
        let answer = self.ask(&question);
        let mut words =
            answer.chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
        let mut programs = Vec::new();
        while let Some(count) = words.next() {
            let mut instruction = |_| {
                let head = words.next().expect("an instruction").to_ne_bytes();
                let code = u16::from_ne_bytes([head[0], head[1]]);
                let k = words.next().expect("its constant");
                sock_filter { code, jt: head[2], jf: head[3], k }
            };
            programs.push((0..count).map(&mut instruction).collect());
        }
        assert_eq!(programs.len(), profiles.len());
        programs
    }

    /// The numbers of calls; negative where there is none.
    pub(super) fn numbers(&self, architecture: Arch, names: &[&str]) -> Vec<i32> {
        let question: String = names.iter().fold(String::new(), |mut lines, name| {
            let _ = writeln!(lines, "N {} {name}", architecture as u32);
            lines
        });
        let answer = self.ask(&question);
        answer.chunks_exact(4).map(|b| i32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect()
    }
}

/// The profile as runc hands it over: without rules that do what the default does, and with several
/// conditions on one argument as rules of their own.
fn as_lines(native: Arch, profile: &LinuxSeccomp) -> String {
    let default = profile.default_action().as_u32(profile.default_errno_ret());
    let mut lines = format!("M {}\nD {default}\n", native as u32);
    for architecture in profile.architectures().iter().flatten() {
        let _ = writeln!(lines, "A {}", *architecture as u32);
    }
    for syscall in profile.syscalls().iter().flatten() {
        let action = syscall.action().as_u32(syscall.errno_ret());
        if action == default {
            continue;
        }
        for name in syscall.names() {
            for arguments in rules(syscall) {
                let _ = writeln!(lines, "R {action} {name} {arguments}");
            }
        }
    }
    lines + "E\n"
}

fn rules(syscall: &LinuxSyscall) -> Vec<String> {
    let arguments = syscall.args().as_deref().unwrap_or_default();
    let mut seen = [0; 6];
    let texts: Vec<String> = arguments
        .iter()
        .map(|argument| {
            seen[argument.index()] += 1;
            let two = argument.value_two().unwrap_or(0);
            format!("{} {} {} {two}", argument.index(), argument.op() as u32, argument.value())
        })
        .collect();
    if seen.iter().any(|count| *count > 1) {
        return texts.iter().map(|text| format!("1 {text}")).collect();
    }
    vec![format!("{} {}", texts.len(), texts.join(" "))]
}
