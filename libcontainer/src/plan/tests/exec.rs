//! The plan of an exec.

use super::harness::{config, v2};
use super::text::{names, steps};
use crate::plan::{
    Descriptor, ExecPlan, ExecRequest, Host, Namespace, PlanError, Surroundings, plan_exec,
};
use insta::assert_snapshot;
use oci_spec::runtime::Process;
use serde_json::Value;

const ALL: [Namespace; 6] = [
    Namespace::Pid,
    Namespace::Network,
    Namespace::Ipc,
    Namespace::Uts,
    Namespace::Mount,
    Namespace::Cgroup,
];

pub(super) fn process(edit: impl FnOnce(&mut Value)) -> Process {
    config(|config| edit(&mut config["process"])).process().clone().unwrap()
}

/// The plan of an exec in a container of its own cgroup.
pub(super) fn plan(process: &Process, edit: impl FnOnce(&mut ExecRequest<'_>)) -> ExecPlan {
    plan_on(&v2(), process, edit).unwrap()
}

pub(super) fn plan_on(
    host: &Host,
    process: &Process,
    edit: impl FnOnce(&mut ExecRequest<'_>),
) -> Result<ExecPlan, PlanError> {
    let surroundings = Surroundings::default();
    let mut request = ExecRequest {
        traced: false,
        surroundings: &surroundings,
        id: "web",
        process,
        namespaces: &ALL,
        preserve_fds: 0,
        no_new_keyring: false,
        admitted: false,
        filter: None,
    };
    edit(&mut request);
    plan_exec(&request, host)
}

#[test]
fn whole() {
    let plan = plan(&process(|_| {}), |_| {});
    assert_snapshot!(steps(&plan.inside), @r#"
    closeFrom first=3
    resetSignals
    nonDumpable
    joinNamespace namespace=1 kind=0x6e020000
    enterPidNamespace atOnce=true
    newSession
    resetAffinity
    sessionKeyring name=_ses.web
    process.terminal: console
    process.env: home
    process.noNewPrivileges: noNewPrivileges
    process.rlimits[0]: rlimit resource=7 soft=1024 hard=1024
    process.capabilities.bounding: boundingSet keep=0x20000420
    process.cwd: workingDirectory path=/
    process.user: user setGroups=true
    nonDumpable
    process.cwd: checkWorkingDirectory path=/
    process.capabilities: capabilities effective=0x20000420 permitted=0x20000420
    process.user.umask: umask mask=0o22
    process.args[0]: findProgram name=sh path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    ready
    process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    "#);
    assert_eq!(plan.descriptors, [Descriptor::Conversation, Descriptor::Process]);
    assert!(plan.warnings.is_empty());
}

#[test]
fn outside_of_the_cgroup_it_waits_before_it_joins_anything() {
    let plan = plan(&process(|_| {}), |request| request.admitted = true);
    let names = names(&plan.inside);
    assert_eq!(names[2..5], ["awaitAdmission", "nonDumpable", "joinNamespace"]);
}

/// Only children enter a pid namespace; without one there is no second process.
#[test]
fn without_a_pid_namespace_there_is_one_process() {
    let plan = plan(&process(|_| {}), |request| request.namespaces = &[Namespace::Mount]);
    assert_eq!(names(&plan.inside)[2..5], ["nonDumpable", "joinNamespace", "newSession"]);
}

#[test]
fn without_namespaces_only_the_root_is_entered() {
    let plan = plan(&process(|_| {}), |request| request.namespaces = &[]);
    assert_eq!(names(&plan.inside)[2..4], ["nonDumpable", "enterRoot"]);
    assert_eq!(plan.descriptors, [Descriptor::Conversation, Descriptor::ProcessRoot]);
}

/// Limits are set from outside there, where they may be raised.
#[test]
fn in_a_user_namespace() {
    const NAMESPACES: [Namespace; 3] = [Namespace::User, Namespace::Pid, Namespace::Mount];
    let plan = plan(&process(|_| {}), |request| request.namespaces = &NAMESPACES);
    let names = names(&plan.inside);
    assert!(!names.iter().any(|name| name == "rlimit"), "{names:?}");
    let limits: Vec<_> = plan.outer_limits.iter().map(|limit| limit.origin.as_str()).collect();
    assert_eq!(limits, ["process.rlimits[0]"]);
}

/// The same settings give the same steps as in a start: an exec is no second path with defaults of its own.
#[test]
fn the_process_is_become_as_in_a_start() {
    let edit = |process: &mut Value| {
        process["user"] =
            serde_json::json!({"uid": 7, "gid": 8, "additionalGids": [9], "umask": 7});
        process["cwd"] = "/srv".into();
    };
    let start = super::harness::plan_of(|config| {
        edit(&mut config["process"]);
        super::harness::join(config, "network", "/proc/7/ns/net");
    });
    let exec = plan(&process(edit), |_| {});
    let first = |steps: &[crate::plan::Planned]| {
        names(steps).iter().position(|name| name == "home").unwrap()
    };
    let start = &start.inside[first(&start.inside)..];
    let exec = &exec.inside[first(&exec.inside)..];
    assert_eq!(steps(start), steps(exec));
}

#[test]
fn options_of_the_command_line() {
    let process = process(|process| process["terminal"] = false.into());
    let plan = plan(&process, |request| {
        request.preserve_fds = 2;
        request.no_new_keyring = true;
    });
    let text = steps(&plan.inside);
    assert!(text.starts_with("closeFrom first=5\n"), "{text}");
    assert!(!text.contains("sessionKeyring") && !text.contains("console"), "{text}");
}

/// No capability that creel itself lacks can be given; what is left out is said.
#[test]
fn a_capability_that_cannot_be_given_is_a_warning() {
    let mut host = v2();
    host.capabilities = 0;
    let plan = plan_on(&host, &process(|_| {}), |_| {}).unwrap();
    assert_snapshot!(plan.warnings.join("\n"), @"process.capabilities: CAP_AUDIT_WRITE, CAP_KILL, CAP_NET_BIND_SERVICE cannot be granted, since creel itself does not have them");
}
