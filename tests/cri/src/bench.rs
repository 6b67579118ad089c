//! The place of one check: the engine, a name, and the pods that it made.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    PodSandboxConfig, RemovePodSandboxRequest, RunPodSandboxRequest, StopPodSandboxRequest,
};
use tonic::Code;
use tonic::transport::Channel;

use crate::config;
use crate::fault::{Fault, call, file};
use crate::pod::Pod;

/// What is the same for all checks of a run.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The runtime handler: a name of the engine's configuration.
    pub(crate) handler: String,
    /// An image with busybox.
    pub(crate) image: String,
    /// A folder for logs and volumes.
    pub(crate) work: PathBuf,
    /// A name that all cgroups of this run begin with: a path's component, or a slice's prefix.
    pub(crate) cgroup: String,
    /// Whether systemd makes the cgroups.
    pub(crate) systemd: bool,
}

/// The place of one check.
pub(crate) struct Bench {
    pub(crate) engine: RuntimeServiceClient<Channel>,
    pub(crate) setting: Arc<Setting>,
    /// The check's name.
    pub(crate) name: String,
    /// The ids of those that run, by their numbers.
    pods: Mutex<Vec<Option<String>>>,
}

impl Bench {
    pub(crate) fn new(
        engine: RuntimeServiceClient<Channel>,
        setting: Arc<Setting>,
        name: &str,
    ) -> Self {
        Self { engine, setting, name: name.into(), pods: Mutex::default() }
    }

    /// A folder of this check.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Fault> {
        let path = self.setting.work.join(&self.setting.handler).join(&self.name).join(name);
        fs::create_dir_all(&path).map_err(file(&path))?;
        Ok(path)
    }

    /// Runs a pod in the host's network.
    pub(crate) async fn pod(&self) -> Result<Pod, Fault> {
        self.pod_with(|_| {}).await
    }

    /// Runs a pod that `change` makes of the usual one.
    pub(crate) async fn pod_with(
        &self,
        change: impl FnOnce(&mut PodSandboxConfig),
    ) -> Result<Pod, Fault> {
        let number = self.number();
        let name = format!("{}-{number}-{}", self.setting.handler, self.name.replace('_', "-"));
        let logs = self.folder(&format!("logs-{number}"))?;
        let mut config = config::pod(&name, &self.cgroup_parent(number), &logs.to_string_lossy());
        change(&mut config);
        let request = RunPodSandboxRequest {
            config: Some(config.clone()),
            runtime_handler: self.setting.handler.clone(),
        };
        let id = self
            .engine
            .clone()
            .run_pod_sandbox(request)
            .await
            .map_err(call("RunPodSandbox"))?
            .into_inner();
        let id = id.pod_sandbox_id;
        self.pods.lock().expect("no check panics with it")[number] = Some(id.clone());
        Ok(Pod::new(self.engine.clone(), self.setting.clone(), id, config))
    }

    /// That of the next pod.
    fn number(&self) -> usize {
        let mut pods = self.pods.lock().expect("no check panics with it");
        pods.push(None);
        pods.len() - 1
    }

    /// The cgroup of a pod, which a kubelet would make.
    fn cgroup_parent(&self, number: usize) -> String {
        let Setting { cgroup, handler, systemd, .. } = &*self.setting;
        let name = self.name.replace('_', "");
        if *systemd {
            // A kubelet gives the whole path.
            format!("/{cgroup}.slice/{cgroup}-{handler}{name}{number}.slice")
        } else {
            format!("/{cgroup}/{handler}-{name}-{number}")
        }
    }

    /// Removes what the check made. With a fault when something stays.
    pub(crate) async fn finish(&self) -> Result<(), Fault> {
        let pods = std::mem::take(&mut *self.pods.lock().expect("no check panics with it"));
        for (number, id) in pods.into_iter().enumerate() {
            if let Some(id) = id {
                self.remove(id).await?;
            }
            // The slices are systemd's to remove; hack/cri-test looks at them in the end.
            if !self.setting.systemd {
                remove_cgroup(&self.cgroup_parent(number))?;
            }
        }
        Ok(())
    }

    /// Stops and removes a pod.
    async fn remove(&self, pod_sandbox_id: String) -> Result<(), Fault> {
        let mut engine = self.engine.clone();
        let stop = StopPodSandboxRequest { pod_sandbox_id: pod_sandbox_id.clone() };
        match engine.stop_pod_sandbox(stop).await {
            // The check has removed it.
            Err(status) if status.code() == Code::NotFound => {}
            stopped => _ = stopped.map_err(call("StopPodSandbox"))?,
        }
        let remove = RemovePodSandboxRequest { pod_sandbox_id };
        engine.remove_pod_sandbox(remove).await.map_err(call("RemovePodSandbox"))?;
        Ok(())
    }
}

/// Removes a pod's cgroup from all hierarchies; those of containers have to be gone.
fn remove_cgroup(parent: &str) -> Result<(), Fault> {
    let mut left = Vec::new();
    for path in hierarchies().iter().map(|hierarchy| hierarchy.join(parent.trim_start_matches('/')))
    {
        let Ok(entries) = fs::read_dir(&path) else { continue };
        left.extend(
            entries.flatten().filter(|entry| entry.path().is_dir()).map(|entry| entry.path()),
        );
        // What is left in there is reported, and makes this fail.
        let _ = fs::remove_dir(&path);
    }
    if left.is_empty() {
        return Ok(());
    }
    Err(Fault::Left { what: left.iter().map(|path| path.display().to_string()).collect() })
}

/// /sys/fs/cgroup and, where version 1 is mounted below it, those.
fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let below = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = below.filter(|path| !path.is_symlink() && path.join("cgroup.procs").exists());
    std::iter::once(root.to_owned()).chain(below).collect()
}
