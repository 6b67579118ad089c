//! `list`: what is there, as a table and as JSON.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::{iter, thread};

use serde_json::Value;

use crate::harness::{Bundle, rootless, runc_deviates};

#[test]
fn an_empty_root_gives_the_head_of_the_table_only() {
    let bundle = Bundle::new("empty");
    let text = bundle.cmd(&["list"]).ok().stdout();
    let heads: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(heads, ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
    assert_eq!(bundle.cmd(&["list", "--quiet"]).ok().stdout(), "");
}

#[test]
fn the_table_has_a_line_per_container() {
    let bundle = Bundle::new("table");
    bundle.create();
    let text = bundle.cmd(&["list"]).ok().stdout();
    let fields: Vec<&str> = text.lines().nth(1).expect("a line").split_whitespace().collect();
    let pid = bundle.pid().to_string();
    let path = bundle.path("");
    let path = path.to_str().expect("UTF-8").trim_end_matches('/');
    assert_eq!(fields[..4], [bundle.id.as_str(), &pid, "created", path]);
    assert_eq!(fields[5], rootless::own_name());
}

#[test]
fn quiet_gives_ids_only() {
    let bundle = Bundle::new("quiet");
    bundle.create();
    assert_eq!(bundle.cmd(&["list", "-q"]).ok().stdout(), format!("{}\n", bundle.id));
}

#[test]
fn json_is_an_array_of_states() {
    let bundle = Bundle::new("json");
    bundle.create();
    let text = bundle.cmd(&["list", "--format", "json"]).ok().stdout();
    let list: Value = serde_json::from_str(&text).expect("JSON");
    let entry = &list[0];
    assert_eq!(list.as_array().expect("an array").len(), 1);
    assert_eq!(entry["id"], bundle.id.as_str());
    assert_eq!(entry["status"], "created");
    assert_eq!(entry["pid"], bundle.pid());
    assert_eq!(entry["owner"], rootless::own_name());
    for key in ["ociVersion", "bundle", "rootfs", "created"] {
        assert!(entry[key].is_string(), "no {key} in {entry}");
    }
}

#[test]
fn an_unknown_format_is_refused() {
    let bundle = Bundle::new("format");
    bundle.cmd(&["list", "--format", "xml"]).output().refused(&["xml"]);
}

/// Its state is whole at any moment, and what vanishes meanwhile is not an error.
#[test]
fn a_container_that_comes_and_goes_disturbs_no_list() {
    runc_deviates!("it warns");
    let bundle = Bundle::new("changing").config(|c| c.probe(&["exit", "0"]));
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let lists = scope.spawn(|| {
            let said = || bundle.cmd(&["list"]).ok().stderr();
            iter::repeat_with(said).take_while(|_| !ended.load(Relaxed)).collect::<String>()
        });
        for _ in 0..20 {
            bundle.create_and_start();
            bundle.cmd(&["delete", "--force", &bundle.id]).ok();
        }
        ended.store(true, Relaxed);
        assert_eq!(lists.join().expect("the thread"), "");
    });
}
