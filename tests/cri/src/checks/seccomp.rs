//! Profiles for system calls.

use std::fs;

use k8s_cri::v1::security_profile::ProfileType;

use crate::bench::Bench;
use crate::config::{profile, security};
use crate::fault::{Fault, file, has, is};

const MODE: &str = "awk '$1 == \"Seccomp:\" { print $2 }' /proc/self/status";

pub(super) async fn unconfined(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let set = |config: &mut _| security(config).seccomp = profile(ProfileType::Unconfined, "");
    is("mode", "0", pod.says(MODE, set).await?)
}

pub(super) async fn runtime_default(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod
        .sleeper(|config| security(config).seccomp = profile(ProfileType::RuntimeDefault, ""))
        .await?;
    is("mode", "2", container.sh(MODE).await?)?;
    is("mode of the first process", "2", container.sh(&MODE.replace("self", "1")).await?)?;
    // clone and unshare with new namespaces are not in the default profile, mount neither.
    has("unshare", "not permitted", &container.sh("unshare -U true 2>&1 || true").await?)
}

pub(super) async fn localhost(bench: &Bench) -> Result<(), Fault> {
    let path = bench.folder("profiles")?.join("no-mkdir.json");
    let rules = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}"#;
    fs::write(&path, rules).map_err(file(&path))?;
    let pod = bench.pod().await?;
    let container = pod
        .sleeper(|config| {
            security(config).seccomp = profile(ProfileType::Localhost, &path.to_string_lossy())
        })
        .await?;
    is("mode", "2", container.sh(MODE).await?)?;
    has("mkdir", "No space left", &container.sh("mkdir /tmp/folder 2>&1 || true").await?)
}
