//! The engine itself.

use k8s_cri::v1::{StatusRequest, VersionRequest};

use crate::bench::Bench;
use crate::fault::{Fault, call, has, holds, is};

pub(super) async fn version_and_status(bench: &Bench) -> Result<(), Fault> {
    let mut engine = bench.engine.clone();
    let version = engine
        .version(VersionRequest { version: "v1".into() })
        .await
        .map_err(call("Version"))?
        .into_inner();
    is("the runtime's name", "containerd", &version.runtime_name)?;
    is("the API", "v1", &version.runtime_api_version)?;
    let answer =
        engine.status(StatusRequest { verbose: true }).await.map_err(call("Status"))?.into_inner();
    let conditions = answer.status.unwrap_or_default().conditions;
    for wanted in ["RuntimeReady", "NetworkReady"] {
        let ready =
            conditions.iter().any(|condition| condition.r#type == wanted && condition.status);
        holds(ready, wanted, "true", format!("{conditions:?}"))?;
    }
    let config = answer.info.get("config").cloned().unwrap_or_default();
    has("the engine's configuration", &format!("\"{}\":{{", bench.setting.handler), &config)
}
