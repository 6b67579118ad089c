//! What containerd offers from version 2 on, where the runtime says that it can.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use k8s_cri::v1::{
    IdMapping, Mount, NamespaceMode, RuntimeHandlerFeatures, StatusRequest, UserNamespace,
};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::bench::Bench;
use crate::config::{pod_namespaces, resources};
use crate::fault::{Fault, call, file, has, is};

use super::mounts::volume;

const MAP: IdMapping = IdMapping { host_id: 1_000_000, container_id: 0, length: 65_536 };

pub(super) async fn a_recursively_readonly_volume(bench: &Bench) -> Result<(), Fault> {
    offered(bench, "recursive read-only mounts", |features| features.recursive_read_only_mounts)
        .await?;
    let below = bench.folder("volume/below")?;
    let above = below.parent().unwrap_or(&below);
    mount(Some("below"), &below, Some("tmpfs"), MsFlags::empty(), None::<&str>)
        .map_err(|error| file(&below)(error.into()))?;
    let looks = async {
        let pod = bench.pod().await?;
        let container = pod
            .sleeper(|config| {
                let readonly = Mount { readonly: true, ..volume(above, "/top") };
                config.mounts.push(readonly.clone());
                let container_path = "/all".into();
                config.mounts.push(Mount { container_path, recursive_read_only: true, ..readonly });
            })
            .await?;
        has("all", "Read-only", &container.sh("touch /all/file 2>&1 || true").await?)?;
        has("below", "Read-only", &container.sh("touch /all/below/file 2>&1 || true").await?)?;
        is(
            "where only the top is",
            "fine",
            container.sh("touch /top/below/file && echo fine").await?,
        )
    };
    let looks = looks.await;
    umount2(&below, MntFlags::MNT_DETACH).map_err(|error| file(&below)(error.into()))?;
    looks
}

pub(super) async fn a_pod_with_users_of_its_own(bench: &Bench) -> Result<(), Fault> {
    offered(bench, "user namespaces", |features| features.user_namespaces).await?;
    let pod = bench
        .pod_with(|config| {
            let options = pod_namespaces(config);
            options.network = NamespaceMode::Pod.into();
            options.userns_options = Some(UserNamespace {
                mode: NamespaceMode::Pod.into(),
                uids: vec![MAP],
                gids: vec![MAP],
            });
            config.hostname = "mapped".into();
        })
        .await?;
    let folder = bench.folder("volume")?;
    let container = pod
        .sleeper(|config| {
            let maps = vec![MAP];
            let mapped = Mount {
                uid_mappings: maps.clone(),
                gid_mappings: maps,
                ..volume(&folder, "/data")
            };
            config.mounts.push(mapped);
            resources(config).memory_limit_in_bytes = 64 << 20;
        })
        .await?;
    let map = "echo $(cat /proc/self/uid_map /proc/self/gid_map)";
    is("the maps", "0 1000000 65536 0 1000000 65536", container.sh(map).await?)?;
    is("root and hostname inside", "0 mapped", container.sh("echo $(id -u) $(hostname)").await?)?;
    is("an address", "yes", container.sh("ip addr show dev eth0 >/dev/null && echo yes").await?)?;
    let first = format!("/proc/{}", container.pid().await?);
    let owner = |path: &str| fs::metadata(path).map(|found| found.uid()).map_err(file(path));
    is("root outside", MAP.host_id, owner(&first)?)?;
    container.sh("touch /data/file && touch /root-file").await?;
    is("owner of a file in a mapped volume", 0, owner(&folder.join("file").to_string_lossy())?)?;
    let another = pod.says("readlink /proc/self/ns/user", |_| {}).await?;
    is("users of another container", another, container.sh("readlink /proc/self/ns/user").await?)
}

/// Skips the check where the engine does not offer a feature with this runtime.
async fn offered(
    bench: &Bench,
    what: &str,
    of: impl Fn(&RuntimeHandlerFeatures) -> bool,
) -> Result<(), Fault> {
    let answer = bench.engine.clone().status(StatusRequest { verbose: false }).await;
    let handlers = answer.map_err(call("Status"))?.into_inner().runtime_handlers;
    let handler = handlers.iter().find(|handler| handler.name == bench.setting.handler);
    if handler.and_then(|handler| handler.features.as_ref()).is_some_and(of) {
        return Ok(());
    }
    let reason = format!("this containerd does not offer {what} with {}", bench.setting.handler);
    Err(Fault::Skip { reason })
}
