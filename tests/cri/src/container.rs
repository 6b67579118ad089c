//! A container, and what can be asked of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    ContainerState, ContainerStatus, ContainerStatusRequest, ExecSyncRequest, ExecSyncResponse,
    RemoveContainerRequest, StopContainerRequest,
};
use tonic::transport::Channel;

use crate::fault::{Fault, call, file, is};

/// How long the engine has for anything; long, for machines that are emulated.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(30);

/// A container that was made.
pub(crate) struct Container {
    pub(crate) engine: RuntimeServiceClient<Channel>,
    pub(crate) id: String,
    /// Its log, on this host.
    pub(crate) log: PathBuf,
}

impl Container {
    pub(crate) async fn status(&self) -> Result<ContainerStatus, Fault> {
        let request = ContainerStatusRequest { container_id: self.id.clone(), verbose: false };
        let answer =
            self.engine.clone().container_status(request).await.map_err(call("ContainerStatus"))?;
        answer.into_inner().status.ok_or(Fault::Missing { call: "ContainerStatus", what: "status" })
    }

    /// Its first process, as this host sees it.
    pub(crate) async fn pid(&self) -> Result<i64, Fault> {
        const MISSING: Fault = Fault::Missing { call: "ContainerStatus", what: "pid" };
        let request = ContainerStatusRequest { container_id: self.id.clone(), verbose: true };
        let answer =
            self.engine.clone().container_status(request).await.map_err(call("ContainerStatus"))?;
        let info = answer.into_inner().info.remove("info").ok_or(MISSING)?;
        let info: serde_json::Value = serde_json::from_str(&info).map_err(|_| MISSING)?;
        info["pid"].as_i64().ok_or(MISSING)
    }

    /// Waits until it has ended.
    pub(crate) async fn end(&self) -> Result<ContainerStatus, Fault> {
        let status = self.until(|status| status.state() == ContainerState::ContainerExited).await?;
        if status.state() == ContainerState::ContainerExited {
            return Ok(status);
        }
        Err(Fault::Late { what: format!("the end of container {}", self.id) })
    }

    /// Its status when that is `so`, or else the last one after a while.
    pub(crate) async fn until(
        &self,
        so: impl Fn(&ContainerStatus) -> bool,
    ) -> Result<ContainerStatus, Fault> {
        let began = Instant::now();
        loop {
            let status = self.status().await?;
            if so(&status) || began.elapsed() > PATIENCE {
                return Ok(status);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops it as a kubelet does, and says how long that took.
    pub(crate) async fn stop(&self, seconds: i64) -> Result<Duration, Fault> {
        let began = Instant::now();
        let request = StopContainerRequest { container_id: self.id.clone(), timeout: seconds };
        self.engine.clone().stop_container(request).await.map_err(call("StopContainer"))?;
        Ok(began.elapsed())
    }

    pub(crate) async fn remove(&self) -> Result<(), Fault> {
        let request = RemoveContainerRequest { container_id: self.id.clone() };
        self.engine.clone().remove_container(request).await.map_err(call("RemoveContainer"))?;
        Ok(())
    }

    /// ExecSync; `seconds` 0 is no limit.
    pub(crate) async fn exec(
        &self,
        command: &[&str],
        seconds: i64,
    ) -> Result<ExecSyncResponse, Fault> {
        let request = ExecSyncRequest {
            container_id: self.id.clone(),
            cmd: command.iter().map(|word| (*word).into()).collect(),
            timeout: seconds,
        };
        Ok(self.engine.clone().exec_sync(request).await.map_err(call("ExecSync"))?.into_inner())
    }

    /// What a script prints that is executed in it. It has to end with 0.
    pub(crate) async fn sh(&self, script: &str) -> Result<String, Fault> {
        let answer = self.exec(&["sh", "-c", script], 120).await?;
        let said = String::from_utf8_lossy(&answer.stderr).into_owned();
        is(&format!("exit code of \"{script}\", which said \"{said}\""), 0, answer.exit_code)?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim_end().into())
    }

    /// Waits until the log has `text`, and returns what was printed.
    pub(crate) async fn prints(&self, text: &str) -> Result<String, Fault> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let printed = printed(&self.log)?;
            if printed.contains(text) {
                return Ok(printed);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Fault::Late { what: format!("\"{text}\" in {}", self.log.display()) })
    }

    /// All that a container printed that has ended; the log's last line may come after the end.
    pub(crate) async fn output(&self) -> Result<String, Fault> {
        let mut before = printed(&self.log)?;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let now = printed(&self.log)?;
            if now == before {
                return Ok(now.trim_end().into());
            }
            before = now;
        }
    }

    /// A file of its cgroup: by version 1's controller and name where that is mounted, else by version 2's name.
    pub(crate) async fn cgroup_file(
        &self,
        controller: &str,
        v1: &str,
        v2: &str,
    ) -> Result<String, Fault> {
        let path = PathBuf::from(format!("/proc/{}/cgroup", self.pid().await?));
        let cgroups = fs::read_to_string(&path).map_err(file(&path))?;
        let of = |wanted: &str| {
            cgroups.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                controllers
                    .split(',')
                    .any(|name| name == wanted)
                    .then_some(path.trim_start_matches('/'))
            })
        };
        let root = Path::new("/sys/fs/cgroup");
        let path = match (of(controller), of("")) {
            (Some(path), _) => root.join(controller).join(path).join(v1),
            (None, path) => root.join(path.unwrap_or_default()).join(v2),
        };
        Ok(fs::read_to_string(&path).map_err(file(&path))?.trim_end().into())
    }
}

/// What a container printed, from the lines of its log: time, stream, F or P, text.
pub(crate) fn printed(log: &Path) -> Result<String, Fault> {
    let mut text = String::new();
    for line in fs::read_to_string(log).map_err(file(log))?.lines() {
        let mut parts = line.splitn(4, ' ');
        let end = if parts.nth(2) == Some("P") { "" } else { "\n" };
        text += parts.next().unwrap_or_default();
        text += end;
    }
    Ok(text)
}
