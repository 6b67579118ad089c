//! What has to come before what, and why. Steps are named as in the plan's JSON.

use super::exec;
use super::harness::{hybrid, join, map_ids, planned, request, v1, v2};
use super::text::names;
use crate::plan::{Planned, Request};
use crate::seccomp::Installable;
use serde_json::{Value, json};

/// A configuration that has every kind of step; `separate_start`, as `create` wants it.
fn everything(config: &mut Value) {
    config["linux"]["seccomp"] = json!({"defaultAction": "SCMP_ACT_ALLOW"});
    config["domainname"] = "example.org".into();
    config["linux"]["sysctl"] = json!({"kernel.msgmax": "1"});
    config["linux"]["rootfsPropagation"] = "shared".into();
    config["linux"]["devices"] = json!([{"path": "/dev/pipe", "type": "p"}]);
    config["hooks"] = json!({
        "createRuntime": [{"path": "/a"}],
        "createContainer": [{"path": "/b"}],
        "startContainer": [{"path": "/c"}],
    });
}

static FILTER: Installable = Installable { flags: 0, program: Vec::new(), listener: None };

/// The steps of starts on each kind of host, alone and joining others, and of execs.
fn scripts() -> Vec<Vec<String>> {
    let request = Request { separate_start: true, ..request() };
    let joining = |config: &mut Value| {
        everything(config);
        join(config, "pid", "/proc/7/ns/pid");
        join(config, "network", "/proc/7/ns/net");
    };
    let mapped = |config: &mut Value| {
        everything(config);
        map_ids(config);
    };
    let joining_user = |config: &mut Value| {
        mapped(config);
        join(config, "user", "/proc/7/ns/user");
        join(config, "pid", "/proc/7/ns/pid");
    };
    let mut scripts = Vec::new();
    for host in [v2(), hybrid(), v1()] {
        scripts.push(names_and_hooks(&planned(mapped, &request, &host).inside));
        scripts.push(names_and_hooks(&planned(joining_user, &request, &host).inside));
        scripts.push(names_and_hooks(&planned(everything, &request, &host).inside));
        scripts.push(names_and_hooks(&planned(joining, &request, &host).inside));
    }
    for admitted in [true, false] {
        let process = exec::process(|_| {});
        let plan = exec::plan(&process, |request| request.admitted = admitted);
        scripts.push(names(&plan.inside));
        let plan = exec::plan(&process, |request| request.filter = Some(&FILTER));
        scripts.push(names(&plan.inside));
    }
    scripts
}

/// Hooks by their kind instead of `hook`.
fn names_and_hooks(planned: &[Planned]) -> Vec<String> {
    let hook = |origin: &str| origin.strip_prefix("hooks.").map(|kind| kind.replace("[0]", ""));
    let named = planned.iter().zip(names(planned));
    let name = |(planned, name): (&Planned, String)| match name.as_str() {
        "hook" => hook(&planned.origin).unwrap(),
        _ => name,
    };
    named.map(name).collect()
}

/// Wherever a script has both, all of `first` come before all of `second`; at least one has both.
#[track_caller]
fn before(first: &str, second: &str) {
    let mut both = 0;
    for steps in scripts() {
        let last_first = steps.iter().rposition(|name| name == first);
        let first_second = steps.iter().position(|name| name == second);
        if let (Some(first_at), Some(second_at)) = (last_first, first_second) {
            assert!(first_at < second_at, "{first} is not before {second}: {steps:#?}");
            both += 1;
        }
    }
    assert!(both > 0, "no script has both {first} and {second}");
}

#[track_caller]
fn before_all(first: &str, others: &[&str]) {
    others.iter().for_each(|second| before(first, second));
}

#[track_caller]
fn after_all(others: &[&str], last: &str) {
    others.iter().for_each(|first| before(first, last));
}

/// Whatever the caller has open must not be at hand when anything of a container is.
#[test]
fn descriptors_of_the_caller_are_shut_first() {
    for steps in scripts() {
        assert_eq!(steps[0], "closeFrom");
        assert_eq!(steps.iter().filter(|name| *name == "closeFrom").count(), 1);
    }
}

/// Nothing of creel is left after it.
#[test]
fn the_last_step_executes() {
    for steps in scripts() {
        assert_eq!(steps.last().unwrap(), "execute");
    }
}

/// A profile need not allow what creel-init and its hooks do: the filter is read just before, and installed by,
/// the last step.
#[test]
fn the_filter_comes_after_everything() {
    before_all("seccomp", &["execute"]);
    after_all(
        &["capabilities", "user", "findProgram", "ready", "awaitStart", "startContainer"],
        "seccomp",
    );
    for steps in scripts() {
        let filter = steps.iter().position(|name| name == "seccomp");
        assert!(filter.is_none_or(|at| at == steps.len() - 2), "{steps:#?}");
    }
}

/// Who is in a namespace already could trace a process that comes in.
#[test]
fn nobody_may_trace_what_joins() {
    let mut joining = 0;
    for steps in scripts() {
        let at = |wanted: &str| steps.iter().position(|name| name == wanted);
        if let Some(first) = at("joinNamespace").or(at("enterPidNamespace")) {
            assert!(at("nonDumpable").is_some_and(|said| said < first), "{steps:#?}");
            joining += 1;
        }
    }
    assert!(joining > 0, "no script joins anything");
}

/// Where sysctl fs.suid_dumpable is 1, a change of ids or of the user namespace makes a process dumpable again.
#[test]
fn nobody_may_trace_what_has_changed_its_ids() {
    let mut followed = 0;
    for steps in scripts().iter().filter(|steps| steps.iter().any(|name| name == "nonDumpable")) {
        for at in
            (0..steps.len()).filter(|at| ["user", "userNamespaceRoot"].contains(&&*steps[*at]))
        {
            assert_eq!(steps[at + 1], "nonDumpable", "{steps:#?}");
            followed += 1;
        }
    }
    assert!(followed > 0, "no script that joins changes its ids");
}

/// Nothing is done inside that the limits do not hold for; and a cgroup namespace shows as its root the
/// cgroup that its maker is in.
#[test]
fn the_cgroup_is_entered_before_namespaces() {
    before_all("awaitAdmission", &["joinNamespace", "unshare", "enterPidNamespace"]);
}

/// A child, not this process, is in a joined pid namespace; a session and a keyring would stay here.
#[test]
fn the_second_process_is_made_before_what_belongs_to_a_process() {
    before("joinNamespace", "enterPidNamespace");
    before_all("enterPidNamespace", &["newSession", "sessionKeyring", "root"]);
}

/// Its ids have to be mapped first, and root of it owns what is made and mounted from there on.
#[test]
fn root_of_the_user_namespace_comes_before_everything_inside() {
    after_all(&["awaitAdmission", "joinNamespace", "enterPidNamespace"], "userNamespaceRoot");
    before_all("userNamespaceRoot", &["newSession", "hostname", "root", "mountFilesystem"]);
}

/// A terminal becomes the controlling one of a session that has none.
#[test]
fn the_session_is_made_before_the_terminal_is_opened() {
    before("newSession", "console");
}

/// What is mounted in a shared tree is mounted on the host too.
#[test]
fn the_host_is_cut_off_before_anything_is_mounted() {
    before_all("propagation", &["root", "mountFilesystem", "mountBind"]);
}

/// Devices and links stand in mounts (/dev), so they come after them.
#[test]
fn the_root_then_mounts_then_devices() {
    before_all("root", &["mountFilesystem", "mountBind", "device", "makeDirectory"]);
    before("mountFilesystem", "device");
}

/// The modes that were asked for are not to be cut by an inherited mask.
#[test]
fn modes_are_made_without_umask() {
    for steps in scripts() {
        let umasks: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == "umask").collect();
        if let Some(mount) = steps.iter().position(|name| name == "mountFilesystem") {
            assert!(umasks[0] < mount, "{steps:#?}");
            assert_eq!(umasks.len(), 3, "that of hooks, and the process's own, come after");
        }
        assert!(steps[*umasks.last().unwrap()..].iter().any(|name| name == "findProgram"));
    }
}

/// Runtime spec, "Lifecycle": the mounts are there, the pivot has not happened.
#[test]
fn create_hooks_run_between_mounts_and_pivot() {
    after_all(&["mountFilesystem", "mountBind", "device"], "awaitHooks");
    before("awaitHooks", "createContainer");
    before_all("createContainer", &["pivotRoot"]);
}

/// Runtime spec, "Lifecycle": as part of `start`, after everything else, before the process.
#[test]
fn start_hooks_run_after_start() {
    before("ready", "awaitStart");
    before("awaitStart", "startContainer");
    before_all("ready", &["startContainer", "execute"]);
}

/// A shared root would take the host's tree along, a pivot below an unbindable one fails.
#[test]
fn the_roots_propagation_is_set_after_the_pivot() {
    before("pivotRoot", "rootPropagation");
}

/// The terminal comes from the container's own devpts, found below the new root.
#[test]
fn the_terminal_is_opened_inside() {
    before("pivotRoot", "console");
}

/// Sysctls and mounts need rights that are gone afterwards.
#[test]
fn what_needs_rights_comes_before_they_are_given_up() {
    let privileged = ["sysctl", "readonlyPath", "maskPath", "readonlyRoot", "console", "hostname"];
    for step in privileged {
        before_all(step, &["boundingSet", "user", "capabilities"]);
    }
}

/// The steps before it make what is missing in the root.
#[test]
fn the_root_is_made_read_only_last() {
    let making = ["device", "symlink", "makeDirectory", "readonlyPath", "maskPath", "console"];
    after_all(&making, "readonlyRoot");
}

/// A directory entered before it was hidden would stay open as the working directory.
#[test]
fn the_working_directory_is_entered_after_paths_are_hidden() {
    after_all(&["pivotRoot", "maskPath", "readonlyPath", "readonlyRoot"], "workingDirectory");
}

/// Root may enter what the user may not; whether it lies inside is seen as the user.
#[test]
fn the_working_directory_is_entered_before_and_checked_after_the_ids() {
    before("workingDirectory", "user");
    before("user", "checkWorkingDirectory");
}

/// The container's passwd is found below its own root, and may be readable for root alone.
#[test]
fn home_is_looked_up_inside_as_root() {
    before("pivotRoot", "home");
    before("home", "user");
}

/// A low limit of descriptors or of file sizes would break the steps before; a higher hard limit needs
/// CAP_SYS_RESOURCE.
#[test]
fn limits_come_late_but_before_rights_are_lost() {
    after_all(&["mountFilesystem", "pivotRoot", "maskPath", "console", "home"], "rlimit");
    before_all("rlimit", &["boundingSet", "user", "capabilities"]);
}

/// Dropping from the bounding set needs CAP_SETPCAP, which a change of ids can take.
#[test]
fn the_bounding_set_comes_before_the_ids_and_these_before_the_sets() {
    before("boundingSet", "user");
    before("user", "capabilities");
}

/// With the rights it will be executed with; and before `create` returns, so that a missing program fails
/// there.
#[test]
fn the_program_is_looked_for_as_the_user_and_before_ready() {
    after_all(&["user", "capabilities", "checkWorkingDirectory"], "findProgram");
    before("findProgram", "ready");
}
