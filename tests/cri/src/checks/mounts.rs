//! Volumes.

use std::fs;
use std::path::Path;

use k8s_cri::v1::{Mount, MountPropagation};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::bench::Bench;
use crate::config::{pod_security, security};
use crate::fault::{Fault, file, has, is};

/// A folder of this host as a volume.
pub(super) fn volume(host: &Path, inside: &str) -> Mount {
    Mount {
        host_path: host.to_string_lossy().into_owned(),
        container_path: inside.into(),
        ..Default::default()
    }
}

pub(super) async fn volumes(bench: &Bench) -> Result<(), Fault> {
    let folder = bench.folder("volume")?;
    let given = folder.join("given");
    fs::write(&given, "of the host\n").map_err(file(&given))?;
    let pod = bench.pod().await?;
    let container = pod
        .sleeper(|config| {
            config.mounts.push(volume(&folder, "/data"));
            config.mounts.push(Mount { readonly: true, ..volume(&folder, "/made/readonly") });
            config.mounts.push(volume(&given, "/etc/hosts"));
        })
        .await?;
    is("a file of the host", "of the host", container.sh("cat /data/given").await?)?;
    is("one file as a volume", "of the host", container.sh("cat /etc/hosts").await?)?;
    container.sh("echo inside >/data/written").await?;
    let written = folder.join("written");
    is("what was written", "inside\n", fs::read_to_string(&written).map_err(file(&written))?)?;
    has(
        "read-only",
        "Read-only file system",
        &container.sh("touch /made/readonly/file 2>&1 || true").await?,
    )
}

pub(super) async fn hosts_mounts_come_in(bench: &Bench) -> Result<(), Fault> {
    let folder = bench.folder("volume/below")?;
    let pod = bench.pod().await?;
    let above = folder.parent().unwrap_or(&folder);
    let with = |propagation: MountPropagation| {
        move |config: &mut k8s_cri::v1::ContainerConfig| {
            config.mounts.push(Mount { propagation: propagation.into(), ..volume(above, "/data") });
        }
    };
    let follows = pod.sleeper(with(MountPropagation::PropagationHostToContainer)).await?;
    let stays = pod.sleeper(with(MountPropagation::PropagationPrivate)).await?;
    mount(Some("late"), &folder, Some("tmpfs"), MsFlags::empty(), None::<&str>)
        .map_err(|error| file(&folder)(error.into()))?;
    let looks = async {
        let look = "awk '$2 == \"/data/below\" { print $1 }' /proc/mounts";
        is("the mount of the host", "late", follows.sh(look).await?)?;
        is("the same where it is private", "", stays.sh(look).await?)
    };
    let looks = looks.await;
    umount2(&folder, MntFlags::MNT_DETACH).map_err(|error| file(&folder)(error.into()))?;
    looks?;
    is("after it was taken away", "", follows.sh("awk '$2 == \"/data/below\"' /proc/mounts").await?)
}

pub(super) async fn mounts_go_out(bench: &Bench) -> Result<(), Fault> {
    let folder = bench.folder("volume/below")?;
    let above = folder.parent().unwrap_or(&folder);
    let pod = bench.pod_with(|config| pod_security(config).privileged = true).await?;
    let container = pod
        .sleeper(|config| {
            security(config).privileged = true;
            let propagation = MountPropagation::PropagationBidirectional.into();
            config.mounts.push(Mount { propagation, ..volume(above, "/data") });
        })
        .await?;
    container.sh("mount -t tmpfs from-inside /data/below").await?;
    let mounts = fs::read_to_string("/proc/self/mounts").map_err(file("/proc/self/mounts"))?;
    let seen =
        has("the mounts of this host", &format!("from-inside {}", folder.display()), &mounts);
    container.sh("umount /data/below").await?;
    seen
}

pub(super) async fn shared_memory_of_a_pod(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let (one, two) = (pod.sleeper(|_| {}).await?, pod.sleeper(|_| {}).await?);
    one.sh("echo shared >/dev/shm/file").await?;
    is("what the other reads", "shared", two.sh("cat /dev/shm/file").await?)?;
    is("resolv.conf", "yes", two.sh("test -e /etc/resolv.conf && echo yes").await?)
}
