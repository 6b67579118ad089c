//! Intel RDT: the class of service of a container, and its monitoring group.

use super::PlanError;
use oci_spec::runtime::{LinuxIntelRdt, Spec};
use serde::Serialize;

/// What is wanted of the resctrl file system (config-linux.md, "IntelRdt").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rdt {
    /// The directory of the class; empty is the top of the tree (closID `/`).
    pub class: String,
    /// The class was named, so others may use it too.
    pub named: bool,
    /// The lines for its `schemata` file.
    pub schemata: Vec<String>,
    /// The name of a monitoring group.
    pub monitor: Option<String>,
}

impl Rdt {
    pub(super) fn of(spec: &Spec, id: &str) -> Result<Option<Self>, PlanError> {
        let wanted = spec.linux().as_ref().and_then(|linux| linux.intel_rdt().as_ref());
        wanted.map(|wanted| Rdt::plan(wanted, id)).transpose()
    }

    /// What `update` asks for: a class of the container's own, where it has none, with these lines.
    pub(crate) fn of_update(id: &str, cache: Option<&str>, bandwidth: Option<&str>) -> Self {
        let mut wanted = LinuxIntelRdt::default();
        wanted.set_l3_cache_schema(cache.map(str::to_owned));
        wanted.set_mem_bw_schema(bandwidth.map(str::to_owned));
        Rdt { class: id.to_owned(), named: false, schemata: schemata(&wanted), monitor: None }
    }

    fn plan(wanted: &LinuxIntelRdt, id: &str) -> Result<Self, PlanError> {
        let named = wanted.clos_id().as_deref().filter(|class| !class.is_empty());
        if let Some(class) = named.filter(|class| *class != "/" && !is_name(class)) {
            return Err(PlanError::Unsupported {
                json_path: "linux.intelRdt.closID".to_owned(),
                found: class.to_owned(),
                allowed: "use the name of a directory in the resctrl file system, or / for its top",
            });
        }
        let class = match named {
            Some("/") => "",
            Some(class) => class,
            None => id,
        };
        Ok(Rdt {
            class: class.to_owned(),
            named: named.is_some(),
            schemata: schemata(wanted),
            monitor: monitored(wanted).then(|| id.to_owned()),
        })
    }
}

/// One word since 1.3; the older ones meant parts of the same.
#[allow(deprecated)]
fn monitored(wanted: &LinuxIntelRdt) -> bool {
    let words = [wanted.enable_monitoring(), wanted.enable_cmt(), wanted.enable_mbm()];
    words.into_iter().any(|word| word.unwrap_or(false))
}

/// The cache, then the bandwidth, then the lines as they are given. A bandwidth line among those of the cache
/// gives way to that of `memBwSchema`.
fn schemata(wanted: &LinuxIntelRdt) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (cache, bandwidth) = (text(wanted.l3_cache_schema()), text(wanted.mem_bw_schema()));
    let cache = cache.lines().filter(|line| bandwidth.is_empty() || !line.starts_with("MB:"));
    let given = wanted.schemata().iter().flatten().flat_map(|text| text.lines());
    let lines = cache.chain(bandwidth.lines()).chain(given);
    lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn is_name(class: &str) -> bool {
    let reserved = [".", "..", "info", "mon_groups", "mon_data"];
    !reserved.contains(&class) && !class.contains(['/', '\0', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn plan(mut rdt: Value) -> Result<Rdt, PlanError> {
        creel_conformance::take_out_below("linux.intelRdt", &mut rdt);
        Rdt::plan(&serde_json::from_value(rdt).unwrap(), "web")
    }

    #[test]
    fn lines_are_in_their_order_and_only_one_bandwidth_is_left() {
        let rdt = plan(json!({
            "closID": "gold",
            "l3CacheSchema": "L3:0=f;1=f\nMB:0=10",
            "memBwSchema": "MB:0=20",
            "schemata": ["L2:0=3", "L3CODE:0=1"],
        }));
        let rdt = rdt.unwrap();
        assert_eq!(rdt.schemata, ["L3:0=f;1=f", "MB:0=20", "L2:0=3", "L3CODE:0=1"]);
        assert!(rdt.named && rdt.class == "gold" && rdt.monitor.is_none());
    }

    #[test]
    fn without_a_name_the_class_is_the_containers_own() {
        let rdt = plan(json!({"enableMonitoring": true})).unwrap();
        assert_eq!((rdt.class.as_str(), rdt.named), ("web", false));
        assert_eq!(rdt.monitor.as_deref(), Some("web"));
    }

    #[test]
    fn the_older_names_of_monitoring_mean_it_too() {
        for word in ["enableMonitoring", "enableCmt", "enableMbm"] {
            assert_eq!(
                plan(json!({word: true})).unwrap().monitor.as_deref(),
                Some("web"),
                "{word}"
            );
            assert_eq!(plan(json!({word: false})).unwrap().monitor, None, "{word}");
        }
    }

    #[test]
    fn a_name_is_one_directory() {
        assert_eq!(plan(json!({"closID": "/"})).unwrap().class, "");
        for class in ["..", "a/b", "info", "mon_groups"] {
            let message = plan(json!({"closID": class})).unwrap_err().to_string();
            assert!(message.starts_with("linux.intelRdt.closID: "), "{message}");
        }
    }
}
