//! Namespaces of pods and containers.

use std::fs;

use k8s_cri::v1::NamespaceMode;

use crate::bench::Bench;
use crate::config::{container_namespaces, pod_namespaces};
use crate::container::Container;
use crate::fault::{Fault, file, has, holds, is};

pub(super) async fn a_pod_has_a_network_and_a_hostname(bench: &Bench) -> Result<(), Fault> {
    let pod = bench
        .pod_with(|config| {
            pod_namespaces(config).network = NamespaceMode::Pod.into();
            config.hostname = "of-the-pod".into();
        })
        .await?;
    let ip = pod.status().await?.network.unwrap_or_default().ip;
    holds(!ip.is_empty(), "address of the pod", "one", &ip)?;
    let container = pod.sleeper(|_| {}).await?;
    is("hostname", "of-the-pod", container.sh("hostname").await?)?;
    has("addresses", &ip, &container.sh("ip addr show dev eth0").await?)?;
    // Another container of the pod is at localhost.
    pod.start(&pod.container("exec nc -ll -p 8080 -e echo hello")).await?;
    let look = "for n in 1 2 3 4 5 6 7 8 9; do nc 127.0.0.1 8080 </dev/null 2>/dev/null && exit; sleep 0.2; done; exit 1";
    is("what another container says", "hello", container.sh(look).await?)
}

pub(super) async fn containers_share_the_pods_namespaces(bench: &Bench) -> Result<(), Fault> {
    let pod =
        bench.pod_with(|config| pod_namespaces(config).network = NamespaceMode::Pod.into()).await?;
    let (one, two) = (pod.sleeper(|_| {}).await?, pod.sleeper(|_| {}).await?);
    for kind in ["net", "ipc", "uts"] {
        let inside = namespace(&one, kind).await?;
        is(&format!("{kind} of the other"), &inside, namespace(&two, kind).await?)?;
        is(
            &format!("{kind} of an exec"),
            &inside,
            one.sh(&format!("readlink /proc/self/ns/{kind}")).await?,
        )?;
        holds(inside != of_this_host(kind)?, kind, "not the host's", &inside)?;
    }
    for kind in ["pid", "mnt"] {
        let inside = namespace(&one, kind).await?;
        holds(inside != namespace(&two, kind).await?, kind, "not the other's", &inside)?;
        holds(inside != of_this_host(kind)?, kind, "not the host's", &inside)?;
    }
    Ok(())
}

pub(super) async fn containers_share_a_pid_namespace(bench: &Bench) -> Result<(), Fault> {
    let pod =
        bench.pod_with(|config| pod_namespaces(config).pid = NamespaceMode::Pod.into()).await?;
    let one = pod.start(&pod.container("exec sleep 1001")).await?;
    let two = pod.start(&pod.container("exec sleep 1002")).await?;
    is("pid namespace", namespace(&one, "pid").await?, namespace(&two, "pid").await?)?;
    let seen = two.sh("ps -o pid,args").await?;
    has("processes", "sleep 1001", &seen)?;
    let first = seen
        .lines()
        .find(|line| line.trim_start().starts_with("1 "))
        .unwrap_or_default()
        .to_owned();
    has("the first process, the pod's own", "sleep 1000000", &first)?;
    // A container of a shared namespace ends alone, though the namespace goes on.
    two.stop(0).await?;
    is("exit code", 137, two.end().await?.exit_code)?;
    is("what is left of it", "", one.sh("ps -o args | grep '[s]leep 1002' || true").await?)?;
    has("what goes on", "sleep 1001", &one.sh("ps -o args").await?)
}

pub(super) async fn a_container_joins_anothers_pids(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let target = pod.start(&pod.container("exec sleep 1003")).await?;
    let seen = pod
        .says("ps -o pid,args", |config| {
            let options = container_namespaces(config);
            options.pid = NamespaceMode::Target.into();
            options.target_id.clone_from(&target.id);
        })
        .await?;
    has("processes", "1 sleep 1003", &seen)
}

pub(super) async fn the_hosts_namespaces(bench: &Bench) -> Result<(), Fault> {
    let pod = bench
        .pod_with(|config| {
            let options = pod_namespaces(config);
            (options.pid, options.ipc) = (NamespaceMode::Node.into(), NamespaceMode::Node.into());
        })
        .await?;
    let container = pod.sleeper(|_| {}).await?;
    for kind in ["net", "ipc", "pid"] {
        is(kind, of_this_host(kind)?, namespace(&container, kind).await?)?;
    }
    Ok(())
}

pub(super) async fn sysctls_of_a_pod(bench: &Bench) -> Result<(), Fault> {
    let pod = bench
        .pod_with(|config| {
            pod_namespaces(config).network = NamespaceMode::Pod.into();
            let sysctls = &mut config.linux.get_or_insert_default().sysctls;
            sysctls.insert("net.ipv4.ip_unprivileged_port_start".into(), "81".into());
            sysctls.insert("kernel.shm_rmid_forced".into(), "1".into());
        })
        .await?;
    let said = pod.says(
        "cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start kernel/shm_rmid_forced",
        |_| {},
    );
    is("values", "81 1", said.await?.replace('\n', " "))
}

/// A namespace of a container's process, as this host sees it.
async fn namespace(container: &Container, kind: &str) -> Result<String, Fault> {
    link(format!("/proc/{}/ns/{kind}", container.pid().await?))
}

fn of_this_host(kind: &str) -> Result<String, Fault> {
    link(format!("/proc/self/ns/{kind}"))
}

fn link(path: String) -> Result<String, Fault> {
    Ok(fs::read_link(&path).map_err(file(&path))?.to_string_lossy().into_owned())
}
