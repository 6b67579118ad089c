//! The profiles of engines, none of which is in the tree: `hack/seccomp-material` takes them from the engines.

use super::against_libseccomp::{FAMILIES, common_names};
use super::compare::{Tries, compare};
use super::oracle::Oracle;
use super::{oracle, profile};
use crate::seccomp::Filter;
use crate::skip::skip;
use oci_spec::runtime::{Arch, LinuxSeccomp};
use serde_json::{Value, json};
use std::path::Path;

/// A folder of config.json as engines make them, and Podman's profile as its package ships it.
const PROFILES: &str = "CREEL_TEST_SECCOMP_PROFILES";

/// Where Debian's golang-github-containers-common puts Podman's profile.
const PODMAN: &str = "/usr/share/containers/seccomp.json";

/// `linux.seccomp` of an engine's config.json; `None`, with a word about it, where there is none.
fn given_by(engine: &str) -> Option<Value> {
    let folder = std::env::var_os(PROFILES);
    let path = folder.map(|folder| Path::new(&folder).join(engine).with_extension("json"));
    let Some(path) = path.filter(|path| path.exists()) else {
        skip(&format!("needs {engine}.json in the folder {PROFILES} (hack/seccomp-material)"));
        return None;
    };
    let text = std::fs::read(&path).expect("a profile");
    let value: Value = serde_json::from_slice(&text).expect("JSON");
    Some(value.pointer("/linux/seccomp").cloned().unwrap_or(value))
}

/// Podman's profile is for engines: each entry says for which architectures and capabilities it is.
fn as_an_engine(value: &Value, machine: &str, held: &[&str]) -> Value {
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    let applies = |entry: &Value| {
        let has = |text: &String| held.contains(&text.as_str());
        let (with, without) =
            (texts(&entry["includes"]["caps"]), texts(&entry["excludes"]["caps"]));
        let arches = texts(&entry["includes"]["arches"]);
        let excluded = texts(&entry["excludes"]["arches"]);
        with.iter().all(has)
            && !without.iter().any(has)
            && (arches.is_empty() || arches.iter().any(|a| a == machine))
            && !excluded.iter().any(|a| a == machine)
    };
    let entries = value["syscalls"].as_array().into_iter().flatten().filter(|entry| applies(entry));
    let entries: Vec<Value> = entries
        .map(|entry| {
            let mut entry = entry.clone();
            if entry["args"].is_null() {
                entry["args"] = json!([]);
            }
            if entry["action"] != "SCMP_ACT_ERRNO" {
                entry["errnoRet"] = Value::Null;
            }
            entry
        })
        .collect();
    json!({"defaultAction": value["defaultAction"], "defaultErrnoRet": value["defaultErrnoRet"],
           "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
           "syscalls": entries})
}

/// The same profile on another family's machine, of names that libseccomp knows there; with those that it does not.
fn moved(oracle: &Oracle, given: &LinuxSeccomp, kinds: &[Arch]) -> (LinuxSeccomp, Vec<String>) {
    let known = common_names(oracle, kinds);
    let mut dropped = Vec::new();
    let mut moved = given.clone();
    moved.set_architectures(Some(kinds.to_vec()));
    let mut entries = moved.syscalls().clone().unwrap_or_default();
    for entry in &mut entries {
        let (keep, drop): (Vec<String>, Vec<String>) =
            entry.names().iter().cloned().partition(|name| known.contains(&name.as_str()));
        dropped.extend(drop);
        entry.set_names(keep);
    }
    entries.retain(|entry| !entry.names().is_empty());
    moved.set_syscalls(Some(entries));
    (moved, dropped)
}

/// Exactly as the engine made it on x86_64, and moved to each other family of architectures.
fn decides_alike(engine: &str, value: Value) {
    let Some(oracle) = oracle() else { return };
    let given = profile(value);
    let tries = Tries { plain: 3, conditional: 300 };
    for (index, kinds) in FAMILIES.iter().enumerate() {
        let native = kinds[0];
        let (moved, dropped) =
            if index == 0 { (given.clone(), Vec::new()) } else { moved(oracle, &given, kinds) };
        let theirs = oracle.program(native, &moved).expect("libseccomp's program");
        let tally = compare(native, &moved, &theirs, tries, index as u64);
        assert_eq!(tally.its_mistakes(), 0, "{engine} on {native}");
        let ours = Filter::compile_for(&moved, native).expect("a program").program.len();
        println!(
            "{engine} on {native}: {} calls alike, of them {} newer than the profile; {ours} instructions, libseccomp {}; \
             not in libseccomp there: {dropped:?}",
            tally.calls,
            tally.newer,
            theirs.len()
        );
    }
}

#[test]
fn dockers_profile_decides_alike() {
    for name in ["docker", "docker-every-capability"] {
        let Some(value) = given_by(name) else { return };
        decides_alike(name, value);
    }
}

#[test]
fn containerds_profile_decides_alike() {
    for name in ["containerd", "containerd-every-capability"] {
        let Some(value) = given_by(name) else { return };
        decides_alike(name, value);
    }
}

#[test]
fn podmans_profile_decides_alike() {
    let installed = std::fs::read(PODMAN).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let Some(value) = installed.or_else(|| given_by("podman")) else { return };
    decides_alike("podman", as_an_engine(&value, "amd64", &[]));
    let held = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF"];
    decides_alike("podman with capabilities", as_an_engine(&value, "amd64", &held));
}
