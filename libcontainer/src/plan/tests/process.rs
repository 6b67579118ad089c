//! The settings of the process.

use super::harness::{changes, plan_of};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// What `edit` changes when it is done to `process`.
fn with(edit: impl FnOnce(&mut Value)) -> String {
    changes(|config| edit(&mut config["process"]))
}

#[test]
fn user() {
    let user = json!({"uid": 1000, "gid": 100, "umask": 0o027, "additionalGids": [5, 27]});
    assert_snapshot!(with(|process| process["user"] = user), @r"
      pivotRoot
    - process.terminal: console device=true
    + process.terminal: console uid=1000 device=true
      readonlyPath
      readonlyRoot
    - process.env: home
    + process.env: home uid=1000
      noNewPrivileges
      workingDirectory
    - process.user: user setGroups=true
    + process.user: user uid=1000 gid=100 groups=[5,27] setGroups=true
      checkWorkingDirectory
      capabilities
    - process.user.umask: umask mask=0o22
    + process.user.umask: umask mask=0o27
      findProgram
    ");
}

#[test]
fn working_directory() {
    assert_snapshot!(with(|process| process["cwd"] = "/srv/../var/./www/".into()), @r"
      umask
    - process.cwd: makeDirectory
    + process.cwd: makeDirectory path=var/www
      pivotRoot
      boundingSet
    - process.cwd: workingDirectory path=/
    + process.cwd: workingDirectory path=/var/www
      user
    - process.cwd: checkWorkingDirectory path=/
    + process.cwd: checkWorkingDirectory path=/var/www
      capabilities
    ");
}

#[test]
fn no_terminal() {
    assert_snapshot!(with(|process| process["terminal"] = false.into()), @r"
    - terminal = true
    + terminal = false
      pivotRoot
    - process.terminal: console device=true
      readonlyPath
    ");
}

#[test]
fn console_size_without_a_terminal_means_nothing() {
    let size = json!({"height": 50, "width": 100});
    let plan = |size: Value| {
        plan_of(|config| {
            config["process"]["terminal"] = false.into();
            config["process"]["consoleSize"] = size;
        })
    };
    assert_eq!(plan(size).inside, plan(Value::Null).inside);
}

#[test]
fn console_size() {
    let size = json!({"height": 50, "width": 100_000});
    assert_snapshot!(with(|process| process["consoleSize"] = size), @r"
      pivotRoot
    - process.terminal: console device=true
    + process.terminal: console rows=50 columns=65535 device=true
      readonlyPath
    ");
}

/// HOME is looked up only where none is given, and of two values the last one counts.
#[test]
fn environment() {
    let env = json!(["A=1", "PATH=/a", "HOME=/root", "A=2", "PATH=/b:/c"]);
    assert_snapshot!(with(|process| process["env"] = env), @r#"
      readonlyRoot
    - process.env: home
      noNewPrivileges
      umask
    - process.args[0]: findProgram name=sh path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    + process.args[0]: findProgram name=sh path=/b:/c
      ready
    - process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    + process.args: execute arguments=["sh"] environment=["A=2","PATH=/b:/c","HOME=/root"]
    "#);
}

#[test]
fn an_empty_home_is_none() {
    assert_snapshot!(with(|process| process["env"] = json!(["HOME=", "A=1"])), @r#"
      umask
    - process.args[0]: findProgram name=sh path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    + process.args[0]: findProgram name=sh
      ready
    - process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    + process.args: execute arguments=["sh"] environment=["A=1"]
    "#);
}

#[test]
fn arguments() {
    assert_snapshot!(with(|process| process["args"] = json!(["/bin/echo", "a b", ""])), @r#"
      umask
    - process.args[0]: findProgram name=sh path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    + process.args[0]: findProgram name=/bin/echo path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      ready
    - process.args: execute arguments=["sh"] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    + process.args: execute arguments=["/bin/echo","a b",""] environment=["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","TERM=xterm"]
    "#);
}

#[test]
fn new_privileges_allowed() {
    assert_snapshot!(with(|process| process["noNewPrivileges"] = false.into()), @r"
      home
    - process.noNewPrivileges: noNewPrivileges
      rlimit
    ");
}

/// Numbers as in getrlimit(2), in the order of config.json.
#[test]
fn rlimits() {
    let limits = json!([
        {"type": "RLIMIT_CORE", "hard": u64::MAX, "soft": 0},
        {"type": "RLIMIT_NPROC", "hard": 20, "soft": 10},
    ]);
    assert_snapshot!(with(|process| process["rlimits"] = limits), @r"
      noNewPrivileges
    - process.rlimits[0]: rlimit resource=7 soft=1024 hard=1024
    + process.rlimits[0]: rlimit resource=4 hard=18446744073709551615
    + process.rlimits[1]: rlimit resource=6 soft=10 hard=20
      boundingSet
    ");
}

#[test]
fn capabilities() {
    let sets = json!({
        "bounding": ["CAP_CHOWN", "CAP_NET_ADMIN"],
        "permitted": ["CAP_CHOWN", "CAP_NET_ADMIN"],
        "effective": ["CAP_CHOWN"],
        "inheritable": ["CAP_NET_ADMIN"],
        "ambient": ["CAP_NET_ADMIN"],
    });
    assert_snapshot!(with(|process| process["capabilities"] = sets), @r"
      rlimit
    - process.capabilities.bounding: boundingSet keep=0x20000420
    + process.capabilities.bounding: boundingSet keep=0x1001
      workingDirectory
      checkWorkingDirectory
    - process.capabilities: capabilities effective=0x20000420 permitted=0x20000420
    + process.capabilities: capabilities effective=0x1 permitted=0x1001 inheritable=0x1000 ambient=0x1000
      umask
    ");
}

#[test]
fn no_capabilities() {
    let without = |process: &mut Value| drop(process["capabilities"].take());
    assert_snapshot!(with(without), @r"
      rlimit
    - process.capabilities.bounding: boundingSet keep=0x20000420
    + process.capabilities.bounding: boundingSet
      workingDirectory
      checkWorkingDirectory
    - process.capabilities: capabilities effective=0x20000420 permitted=0x20000420
    + process.capabilities: capabilities
      umask
    ");
}

#[test]
fn oom_score() {
    assert_snapshot!(with(|process| process["oomScoreAdj"] = (-500).into()), @r"
    - oomScoreAdj = null
    + oomScoreAdj = -500
    ");
    assert_eq!(plan_of(|_| {}).oom_score_adj, None, "what is not asked for is not touched");
}
