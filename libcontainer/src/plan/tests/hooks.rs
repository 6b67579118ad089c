//! Hooks of all six kinds.

use super::harness::{changes, plan_of};
use crate::plan::Hook;
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn one_of_each_kind() {
    let hooks = json!({
        "prestart": [{"path": "/p"}],
        "createRuntime": [{"path": "/cr", "args": ["cr", "1"], "env": ["A=1"], "timeout": 5}],
        "createContainer": [{"path": "/cc", "args": ["cc", "a b"], "env": ["B=2"], "timeout": 7}],
        "startContainer": [{"path": "/sc"}],
        "poststart": [{"path": "/ps"}],
        "poststop": [{"path": "/pp"}],
    });
    assert_snapshot!(changes(|config| config["hooks"] = hooks), @r#"
    - createHooks = []
    - descriptors = ["conversation"]
    + createHooks = [{"origin":"hooks.prestart[0]","path":"/p","arguments":["/p"],"environment":null,"timeout":null},{"origin":"hooks.createRuntime[0]","path":"/cr","arguments":["cr","1"],"environment":["A=1"],"timeout":5}]
    + descriptors = ["conversation",{"hookState":"creating"},{"hookState":"created"}]
      makeDirectory
    + hooks: awaitHooks
    + hooks.createContainer[0]: hook path=/cc arguments=["cc","a b"] environment=["B=2"] timeout=7000 stdin=1
      pivotRoot
      ready
    + hooks.startContainer[0]: hook path=/sc arguments=["/sc"] stdin=2
      execute
    "#);
}

/// The library writes the state that they read, with the pid that it alone knows.
#[test]
fn hooks_inside_alone_wait_for_their_state() {
    let hooks = json!({"createContainer": [{"path": "/1"}, {"path": "/2"}]});
    assert_snapshot!(changes(|config| config["hooks"] = hooks), @r#"
    - descriptors = ["conversation"]
    + descriptors = ["conversation",{"hookState":"creating"}]
      makeDirectory
    + hooks: awaitHooks
    + hooks.createContainer[0]: hook path=/1 arguments=["/1"] stdin=1
    + hooks.createContainer[1]: hook path=/2 arguments=["/2"] stdin=1
      pivotRoot
    "#);
}

#[test]
fn prestart_comes_before_create_runtime() {
    let hooks = json!({
        "createRuntime": [{"path": "/3"}],
        "prestart": [{"path": "/1"}, {"path": "/2"}],
    });
    let plan = plan_of(|config| config["hooks"] = hooks);
    let origins: Vec<&str> = plan.create_hooks.iter().map(|hook| hook.origin.as_str()).collect();
    assert_eq!(origins, ["hooks.prestart[0]", "hooks.prestart[1]", "hooks.createRuntime[0]"]);
}

/// poststart and poststop are no part of the plan: the library runs them when their time has come.
#[test]
fn a_hook_without_arguments_has_its_path_as_the_only_one() {
    let hooks = vec![serde_json::from_value(json!({"path": "/bin/h", "args": []})).unwrap()];
    let hooks = Hook::all("poststop", Some(&hooks));
    assert_eq!(
        (hooks[0].origin.as_str(), &hooks[0].arguments[..]),
        ("hooks.poststop[0]", &["/bin/h".to_owned()][..])
    );
    assert_eq!((&hooks[0].environment, hooks[0].timeout), (&None, None));
}
