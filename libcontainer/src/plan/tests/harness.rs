//! Hosts, configurations and plans for tests.

use super::text;
use crate::cgroups::{Access, Hierarchy, Layout, OwnCgroups, Unified};
use crate::plan::{Host, Plan, PlanError, Request, plan};
use crate::spec::{DefaultConfig, check, parse_spec};
use oci_spec::runtime::Spec;
use serde_json::{Value, json};

/// All capabilities of Linux 6.
const CAPABILITIES: u64 = (1 << 41) - 1;

pub(super) fn host(cgroups: Layout) -> Host {
    Host {
        cgroups,
        own_cgroups: OwnCgroups::default(),
        capabilities: CAPABILITIES,
        user: (0, 0),
        in_user_namespace: false,
        cgroup_access: Access::default(),
    }
}

/// cgroup2 alone.
pub(super) fn v2() -> Host {
    host(Layout::V2 { mount: "/sys/fs/cgroup".into() })
}

/// Version 1 hierarchies, a few of them, with cgroup2 beside them.
pub(super) fn hybrid() -> Host {
    host(Layout::V1 { hierarchies: hierarchies(), unified: Some(unified()) })
}

/// Version 1 hierarchies alone.
pub(super) fn v1() -> Host {
    host(Layout::V1 { hierarchies: hierarchies(), unified: None })
}

fn unified() -> Unified {
    Unified { mount: "/sys/fs/cgroup/unified".into(), controllers: Vec::new() }
}

fn hierarchies() -> Vec<Hierarchy> {
    let hierarchy = |controllers: &str, directory: &str| Hierarchy {
        controllers: controllers.split(',').map(str::to_owned).collect(),
        mount: format!("/sys/fs/cgroup/{directory}").into(),
        root: "/".into(),
    };
    vec![
        hierarchy("cpu,cpuacct", "cpu,cpuacct"),
        hierarchy("memory", "memory"),
        hierarchy("devices", "devices"),
        hierarchy("name=systemd", "systemd"),
    ]
}

/// `creel run web` in /bundle.
pub(super) fn request() -> Request {
    Request { id: "web".to_owned(), bundle: "/bundle".into(), ..Request::default() }
}

/// What `creel spec` writes on a cgroup2 host, with `edit` done to it.
pub(super) fn config(edit: impl FnOnce(&mut Value)) -> Spec {
    let default = DefaultConfig { cgroup_namespace: true, ..DefaultConfig::default() };
    let mut document = serde_json::from_str(&default.to_json()).unwrap();
    edit(&mut document);
    creel_conformance::take_out(&mut document);
    let (spec, warnings) = parse_spec(document.to_string().as_bytes()).unwrap();
    assert_eq!(warnings, []);
    *spec
}

/// The plan of a configuration that has to pass the check and to be planned.
pub(super) fn planned(edit: impl FnOnce(&mut Value), request: &Request, host: &Host) -> Plan {
    let spec = config(edit);
    check(&spec).unwrap();
    plan(&spec, request, host).unwrap()
}

/// The plan of an edited default configuration on a cgroup2 host.
pub(super) fn plan_of(edit: impl FnOnce(&mut Value)) -> Plan {
    planned(edit, &request(), &v2())
}

/// What `edit` changes of the plan of the default configuration on a cgroup2 host.
pub(super) fn changes(edit: impl FnOnce(&mut Value)) -> String {
    changes_on(&v2(), edit)
}

/// As [`changes`], on another host.
pub(super) fn changes_on(host: &Host, edit: impl FnOnce(&mut Value)) -> String {
    let before = planned(|_| {}, &request(), host);
    text::changes(&before, &planned(edit, &request(), host))
}

/// The message of the error that planning an edited default configuration gives.
pub(super) fn refused(edit: impl FnOnce(&mut Value)) -> String {
    let error: PlanError = plan(&config(edit), &request(), &v2()).unwrap_err();
    error.to_string()
}

/// Takes a namespace out of the configuration.
pub(super) fn share(config: &mut Value, kind: &str) {
    let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
    namespaces.retain(|namespace| namespace["type"] != kind);
}

/// Lets the configuration join a namespace.
pub(super) fn join(config: &mut Value, kind: &str, path: &str) {
    let mut namespaces = config["linux"]["namespaces"].as_array_mut().unwrap().iter_mut();
    let namespace = namespaces.find(|namespace| namespace["type"] == kind).unwrap();
    namespace["path"] = path.into();
}

/// Gives the configuration a new user namespace.
pub(super) fn map_ids(config: &mut Value) {
    let map = |host: u32| json!([{"containerID": 0, "hostID": host, "size": 65_536}]);
    config["linux"]["uidMappings"] = map(100_000);
    config["linux"]["gidMappings"] = map(200_000);
    config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
}
