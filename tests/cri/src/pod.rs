//! A pod that runs, and containers in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use k8s_cri::v1::runtime_service_client::RuntimeServiceClient;
use k8s_cri::v1::{
    ContainerConfig, CreateContainerRequest, PodSandboxConfig, PodSandboxStatus,
    PodSandboxStatusRequest, StartContainerRequest,
};
use tonic::transport::Channel;

use crate::bench::Setting;
use crate::config;
use crate::container::Container;
use crate::fault::{Fault, call, is};

/// A pod that runs.
pub(crate) struct Pod {
    pub(crate) engine: RuntimeServiceClient<Channel>,
    setting: Arc<Setting>,
    pub(crate) id: String,
    pub(crate) config: PodSandboxConfig,
    made: AtomicU32,
}

impl Pod {
    pub(crate) fn new(
        engine: RuntimeServiceClient<Channel>,
        setting: Arc<Setting>,
        id: String,
        config: PodSandboxConfig,
    ) -> Self {
        Self { engine, setting, id, config, made: AtomicU32::new(0) }
    }

    pub(crate) async fn status(&self) -> Result<PodSandboxStatus, Fault> {
        let request = PodSandboxStatusRequest { pod_sandbox_id: self.id.clone(), verbose: false };
        let answer = self
            .engine
            .clone()
            .pod_sandbox_status(request)
            .await
            .map_err(call("PodSandboxStatus"))?;
        answer
            .into_inner()
            .status
            .ok_or(Fault::Missing { call: "PodSandboxStatus", what: "status" })
    }

    /// A container's configuration: the shell with a script.
    pub(crate) fn container(&self, script: &str) -> ContainerConfig {
        let name = format!("con{}", self.made.fetch_add(1, Ordering::Relaxed));
        config::container(&name, &self.setting.image, script, &self.config)
    }

    /// Makes a container and does not start it.
    pub(crate) async fn create(&self, config: &ContainerConfig) -> Result<Container, Fault> {
        let request = CreateContainerRequest {
            pod_sandbox_id: self.id.clone(),
            config: Some(config.clone()),
            sandbox_config: Some(self.config.clone()),
        };
        let answer =
            self.engine.clone().create_container(request).await.map_err(call("CreateContainer"))?;
        let id = answer.into_inner().container_id;
        let log = PathBuf::from(&self.config.log_directory).join(&config.log_path);
        Ok(Container { engine: self.engine.clone(), id, log })
    }

    pub(crate) async fn start(&self, config: &ContainerConfig) -> Result<Container, Fault> {
        let container = self.create(config).await?;
        let request = StartContainerRequest { container_id: container.id.clone() };
        self.engine.clone().start_container(request).await.map_err(call("StartContainer"))?;
        Ok(container)
    }

    /// A container that stays.
    pub(crate) async fn sleeper(
        &self,
        change: impl FnOnce(&mut ContainerConfig),
    ) -> Result<Container, Fault> {
        let mut config = self.container("exec sleep 1000");
        change(&mut config);
        self.start(&config).await
    }

    /// What a script prints on both outputs, as a container's own process. It has to end with 0.
    pub(crate) async fn says(
        &self,
        script: &str,
        change: impl FnOnce(&mut ContainerConfig),
    ) -> Result<String, Fault> {
        let mut config = self.container(script);
        change(&mut config);
        let container = self.start(&config).await?;
        let status = container.end().await?;
        let output = container.output().await?;
        is(&format!("exit code of \"{script}\", which said \"{output}\""), 0, status.exit_code)?;
        Ok(output)
    }
}
