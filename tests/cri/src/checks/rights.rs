//! What a container may do.

use k8s_cri::v1::Device;

use crate::bench::Bench;
use crate::config::{capabilities, number, pod_security, security};
use crate::fault::{Fault, has, holds, is};

const CAP_CHOWN: u64 = 1 << 0;
const CAP_NET_ADMIN: u64 = 1 << 12;
const CAP_NET_RAW: u64 = 1 << 13;
const CAP_SYS_ADMIN: u64 = 1 << 21;
const CAP_MKNOD: u64 = 1 << 27;

const EFFECTIVE: &str = "awk '$1 == \"CapEff:\" { print $2 }' /proc/self/status";

fn mask(hexadecimal: &str) -> u64 {
    u64::from_str_radix(hexadecimal, 16).unwrap_or(u64::MAX)
}

pub(super) async fn capabilities_are_added_and_dropped(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let usual = mask(&pod.says(EFFECTIVE, |_| {}).await?);
    is(
        "the usual ones",
        "true false",
        format!("{} {}", usual & CAP_NET_RAW != 0, usual & CAP_SYS_ADMIN != 0),
    )?;
    let container = pod
        .sleeper(|config| {
            capabilities(config).add_capabilities = vec!["NET_ADMIN".into()];
            capabilities(config).drop_capabilities = vec!["CHOWN".into(), "MKNOD".into()];
        })
        .await?;
    let wanted = (usual | CAP_NET_ADMIN) & !(CAP_CHOWN | CAP_MKNOD);
    is("those of the exec", format!("{wanted:016x}"), container.sh(EFFECTIVE).await?)?;
    is(
        "those of the first process",
        format!("{wanted:016x}"),
        container.sh(&EFFECTIVE.replace("self", "1")).await?,
    )
}

pub(super) async fn no_capability_at_all(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let all = "awk '/^Cap/ { print $2 }' /proc/self/status | sort -u";
    let said =
        pod.says(all, |config| capabilities(config).drop_capabilities = vec!["ALL".into()]).await?;
    is("all sets", "0000000000000000", said)
}

pub(super) async fn privileged(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod_with(|config| pod_security(config).privileged = true).await?;
    let container = pod
        .sleeper(|config| {
            let context = security(config);
            context.privileged = true;
            context.masked_paths.clear();
            context.readonly_paths.clear();
        })
        .await?;
    let effective = mask(&container.sh(EFFECTIVE).await?);
    holds(
        effective & CAP_SYS_ADMIN != 0,
        "capabilities",
        "with SYS_ADMIN",
        format!("{effective:x}"),
    )?;
    is(
        "seccomp",
        "0",
        container.sh("awk '$1 == \"Seccomp:\" { print $2 }' /proc/self/status").await?,
    )?;
    is("a device of the host", "yes", container.sh("test -c /dev/kmsg && echo yes").await?)?;
    is(
        "/sys",
        "rw",
        container.sh("awk '$2 == \"/sys\" { print substr($4, 1, 2) }' /proc/mounts").await?,
    )?;
    is(
        "a mount",
        "mine",
        container
            .sh("mount -t tmpfs mine /tmp && awk '$2 == \"/tmp\" { print $1 }' /proc/mounts")
            .await?,
    )
}

pub(super) async fn no_new_privileges(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let look = "awk '$1 == \"NoNewPrivs:\" { print $2 }' /proc/self/status";
    let said = pod.says(look, |config| security(config).no_new_privs = true).await?;
    is("with", "1", said)?;
    is("without", "0", pod.says(look, |_| {}).await?)
}

pub(super) async fn masked_and_readonly_paths(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container =
        pod.sleeper(|config| security(config).masked_paths.push("/etc/group".into())).await?;
    is(
        "size of /proc/kcore and /etc/group",
        "0 0",
        container.sh("echo $(cat /proc/kcore /etc/group | wc -c) $(wc -c </etc/group)").await?,
    )?;
    is(
        "a write to /proc/sys",
        "refused",
        container.sh("echo 1 2>/dev/null >/proc/sys/kernel/printk || echo refused").await?,
    )
}

pub(super) async fn a_readonly_root(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let volume = bench.folder("volume")?;
    let container = pod
        .sleeper(|config| {
            security(config).readonly_rootfs = true;
            config.mounts.push(super::mounts::volume(&volume, "/data"));
        })
        .await?;
    let said = container
        .sh("touch /file 2>&1 || true; echo >/dev/shm/file; touch /data/file && echo written")
        .await?;
    has("the root", "Read-only file system", &said)?;
    has("a volume", "written", &said)
}

pub(super) async fn devices(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let device = |container_path: &str, host_path: &str, permissions: &str| Device {
        container_path: container_path.into(),
        host_path: host_path.into(),
        permissions: permissions.into(),
    };
    let container = pod
        .sleeper(|config| {
            config.devices.push(device("/dev/given", "/dev/zero", "rwm"));
            config.devices.push(device("/dev/only-read", "/dev/kmsg", "r"));
        })
        .await?;
    is("bytes of the device", "4", container.sh("head -c 4 /dev/given | wc -c").await?)?;
    has(
        "writing the other",
        "not permitted",
        &container.sh("sh -c ': >/dev/only-read' 2>&1 || true").await?,
    )?;
    let make = "mknod /tmp/port c 1 4 && head -c 1 /tmp/port 2>&1 || true";
    has("a device that was not given", "not permitted", &container.sh(make).await?)?;
    let pod = bench.pod().await?;
    let said = pod
        .says("id -u; head -c 4 /dev/given | wc -c", |config| {
            config.devices.push(device("/dev/given", "/dev/zero", "rwm"));
            security(config).run_as_user = number(1000);
        })
        .await?;
    is("for another user", "1000 4", said.replace('\n', " "))
}
