//! What a service manager gives the container's program, and a container without a cgroup.

use super::harness::{planned, request, v2};
use super::text::changes;
use crate::plan::Request;
use creel_wire::owned::Step;
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

fn with(config: impl Fn(&mut Value), edit: impl FnOnce(&mut Request)) -> String {
    let mut other = request();
    edit(&mut other);
    changes(&planned(&config, &request(), &v2()), &planned(&config, &other, &v2()))
}

fn listening(request: &mut Request) {
    (request.listen_fds, request.preserve_fds) = (2, 3);
    request.listen_fd_names = Some("web:admin".to_owned());
}

#[test]
fn readiness_is_said_on_a_socket_of_its_own() {
    assert_snapshot!(with(|_| {}, |request| request.notify = Some("/run/creel/web/notify".into())), @r#"
    - descriptors = ["conversation"]
    + descriptors = ["conversation","notifyDirectory"]
      mountBind
    + mountTree target=run/notify tree=0x1 set=0xf
      device
      ready
    - process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    + process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm","NOTIFY_SOCKET=/run/notify/notify.sock"]
    "#);
}

/// Who may mount nothing outside has it bound inside.
#[test]
fn without_root_the_directory_is_bound_by_its_path() {
    let mut asking = request();
    asking.notify = Some("/run/user/1000/creel/web/notify".into());
    let mut host = v2();
    host.capabilities = 0;
    let text = changes(&planned(|_| {}, &request(), &host), &planned(|_| {}, &asking, &host));
    let bind = text.lines().find(|line| line.contains("run/notify source")).unwrap_or(&text);
    let source = "/run/user/1000/creel/web/notify";
    assert_eq!(bind, format!("+ mountBind target=run/notify source={source} set=0xf"), "{text}");
    assert!(!text.contains("notifyDirectory"), "{text}");
}

/// As a state root may be.
#[test]
fn a_directory_that_is_not_utf_8_is_bound_by_its_bytes() {
    let mut asking = request();
    let path = b"/run/user/1000/\xff/web/notify";
    asking.notify = Some(OsStr::from_bytes(path).into());
    let mut host = v2();
    host.capabilities = 0;
    let plan = planned(|_| {}, &asking, &host);
    let sources = plan.inside.iter().filter_map(|planned| match &planned.step {
        Step::MountBind { source, .. } => Some(source.as_c_str().to_bytes()),
        _ => None,
    });
    assert!(sources.into_iter().any(|source| source == path), "{plan:?}");
}

#[test]
fn sockets_come_with_their_number_and_the_pid() {
    assert_snapshot!(with(|_| {}, listening), @r#"
    - closeFrom first=3
    + closeFrom first=6
      resetSignals
      ready
    - process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    + process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm","LISTEN_FDS=2","LISTEN_FDNAMES=web:admin","LISTEN_PID=1"]
    "#);
}

#[test]
fn in_another_pid_namespace_creel_init_says_the_pid() {
    let shared = |config: &mut Value| {
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|namespace| namespace["type"] != "pid");
    };
    assert_snapshot!(with(shared, listening), @r#"
    - closeFrom first=3
    + closeFrom first=6
      resetSignals
      ready
    - process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    + listenPid
    + process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm","LISTEN_FDS=2","LISTEN_FDNAMES=web:admin"]
    "#);
}

#[test]
fn without_a_cgroup_there_are_no_writes_and_no_mounts() {
    assert_snapshot!(with(|_| {}, |request| request.no_cgroups = true), @r#"
    - cgroup.directories = [{"kind":"v2","mount":"/sys/fs/cgroup","below":"web"}]
    - cgroup.deviceFilter = {"rules":["deny a *:* rwm","allow c *:* m","allow b *:* m","allow c 1:3 rwm","allow c 1:5 rwm","allow c 1:7 rwm","allow c 1:8 rwm","allow c 1:9 rwm","allow c 5:0 rwm","allow c 5:2 rwm","allow c 10:200 rwm","allow c 136:* rwm"]}
    - cloneIntoCgroup = true
    + cgroup.directories = []
    + cgroup.ignored = [{"jsonPath":"linux.resources.devices","reason":"the container has no cgroup"}]
    + cloneIntoCgroup = false
    - warnings = []
    + warnings = ["linux.resources.devices is ignored: the container has no cgroup"]
      resetSignals
    + awaitAdmission
      unshare
      mountFilesystem
    - mounts[6]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup/web set=0xf clear=0x70
      device
    "#);
}

#[test]
fn few_descriptors_are_the_limit_only_of_the_program() {
    let limited = |soft: u64, hard: u64| {
        move |config: &mut Value| {
            config["process"]["rlimits"] =
                json!([{"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}]);
        }
    };
    let plan = |soft, hard| planned(limited(soft, hard), &request(), &v2());
    assert_snapshot!(changes(&plan(1024, 1024), &plan(3, 3)), @r"
      noNewPrivileges
    - process.rlimits[0]: rlimit resource=7 soft=1024 hard=1024
      boundingSet
      ready
    + process.rlimits[0]: rlimit resource=7 soft=3 hard=3
      execute
    ");
    assert_snapshot!(changes(&plan(1024, 1024), &plan(3, 5000)), @r"
      noNewPrivileges
    - process.rlimits[0]: rlimit resource=7 soft=1024 hard=1024
    + process.rlimits[0]: rlimit resource=7 soft=64 hard=5000
      boundingSet
      ready
    + process.rlimits[0]: rlimit resource=7 soft=3 hard=5000
      execute
    ");
}
