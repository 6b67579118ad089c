//! `plan`: what would be done, without doing it.

use crate::harness::{Bundle, is_runc, skip};

#[test]
fn plan_says_what_create_would_do_and_does_nothing() {
    if is_runc() {
        skip!("only creel has this command");
    }
    let bundle = Bundle::new("plan").config(|c| c.bind("data", "/mnt/data", &["bind", "ro"]));
    let text = bundle.on_bundle("plan", &[]).ok().stdout();
    assert!(text.contains("pivotRoot") && text.contains("execute"), "{text}");
    assert!(text.contains("mnt/data"), "{text}");
    bundle.assert_nothing_left();
}

#[test]
fn plan_as_json_names_the_place_of_each_step() {
    if is_runc() {
        skip!("only creel has this command");
    }
    let bundle = Bundle::new("planjson");
    let output = bundle.on_bundle("plan", &["--format", "json"]).ok();
    let plan: serde_json::Value = serde_json::from_str(&output.stdout()).expect("JSON");
    let steps = plan["inside"].as_array().expect("inside");
    assert_eq!(steps.last().expect("steps")["step"], "execute");
    assert!(steps.iter().any(|step| step["origin"] == "mounts[0]"), "{plan}");
}

#[test]
fn plan_refuses_what_create_would_refuse() {
    if is_runc() {
        skip!("only creel has this command");
    }
    let bundle = Bundle::new("planbad").config(|c| c.set("/linux/rootfsPropagation", "sideways"));
    bundle.on_bundle("plan", &[]).output().refused(&["linux.rootfsPropagation", "sideways"]);
}
