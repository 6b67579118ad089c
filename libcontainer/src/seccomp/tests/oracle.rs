//! libseccomp, as runc uses it: what it makes of a profile. Only for tests, and only where its headers and a
//! compiler are installed.

use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSyscall};
use seccompiler::sock_filter;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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

/// A folder in which libseccomp's Debian packages were unpacked, to be taken instead of the system's.
const LIBSECCOMP: &str = "CREEL_TEST_LIBSECCOMP";

/// After this it is given up.
const SECONDS: &str = "20";

/// The oracle.
pub(super) struct Oracle {
    program: PathBuf,
}

impl Oracle {
    /// Builds it.
    ///
    /// # Errors
    /// Why there can be none here, as a reason for a skip.
    pub(super) fn build() -> Result<Oracle, String> {
        let unpacked = std::env::var_os(LIBSECCOMP).map(PathBuf::from);
        let include = unpacked.as_deref().unwrap_or(Path::new("/")).join("usr/include");
        if !include.join("seccomp.h").exists() {
            return Err(format!("needs libseccomp-dev, or {LIBSECCOMP} (hack/seccomp-material)"));
        }
        let directory = std::env::temp_dir().join(format!("creel-oracle-{}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let program = directory.join("oracle");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/seccomp/tests/oracle.c");
        let mut compiler = Command::new("gcc");
        compiler.args(["-O1", "-o"]).args([&program, &source]);
        if let Some(unpacked) = unpacked {
            let library =
                unpacked.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
            compiler.arg("-I").arg(&include).arg("-L").arg(&library);
            compiler.arg(format!("-Wl,-rpath,{}", library.display()));
        }
        let compiled =
            compiler.arg("-lseccomp").output().map_err(|error| format!("needs gcc: {error}"))?;
        if !compiled.status.success() {
            return Err(String::from_utf8_lossy(&compiled.stderr).into_owned());
        }
        let oracle = Oracle { program };
        let answer = oracle.ask("V\n").ok_or("it does not answer")?;
        println!("libseccomp {}", String::from_utf8_lossy(&answer));
        Ok(oracle)
    }

    /// `None` when it came to no end.
    fn ask(&self, question: &str) -> Option<Vec<u8>> {
        let mut child = Command::new("timeout")
            .args([SECONDS.as_ref(), self.program.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle");
        let mut input = child.stdin.take().expect("its input");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || input.write_all(question.as_bytes()));
            child.wait_with_output().expect("its output")
        });
        const TIMED_OUT: i32 = 124;
        if output.status.code() == Some(TIMED_OUT) {
            return None;
        }
        assert!(output.status.success(), "the oracle failed: {}", output.status);
        Some(output.stdout)
    }

    /// The program of a profile on a machine of this architecture; `None` where libseccomp finds none in
    /// seconds, as happens for some.
    pub(super) fn program(&self, native: Arch, profile: &LinuxSeccomp) -> Option<Vec<sock_filter>> {
        self.laid_out(native, profile, 1)
    }

    /// The same in another layout than libseccomp's default, which is 1: 2 is with a binary tree.
    pub(super) fn laid_out(
        &self,
        native: Arch,
        profile: &LinuxSeccomp,
        level: u32,
    ) -> Option<Vec<sock_filter>> {
        let answer = self.ask(&format!("{}O {level}\nE\n", as_lines(native, profile)))?;
        let instruction = |bytes: &[u8]| sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        };
        // Its length comes first.
        Some(answer[4..].chunks_exact(8).map(instruction).collect())
    }

    /// How long libseccomp takes to make a program of a profile this often, without reading it from lines.
    #[allow(dead_code, reason = "for the benchmark")]
    pub(super) fn time(
        &self,
        native: Arch,
        profile: &LinuxSeccomp,
        times: u64,
    ) -> Option<Duration> {
        let answer = self.ask(&format!("{}B {times}\n", as_lines(native, profile)))?;
        answer.last_chunk().map(|time| Duration::from_nanos(u64::from_ne_bytes(*time)))
    }

    /// The numbers of calls; negative where there is none.
    pub(super) fn numbers(&self, architecture: Arch, names: &[&str]) -> Vec<i32> {
        let question: String = names.iter().fold(String::new(), |mut lines, name| {
            let _ = writeln!(lines, "N {} {name}", architecture as u32);
            lines
        });
        let answer = self.ask(&question).expect("an answer");
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
    lines
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
