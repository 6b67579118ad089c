use oci_spec::runtime::{Capability, LinuxNamespaceType};
use serde_json::json;

use super::*;
use crate::spec::{DefaultConfig, Warning};

/// The default configuration with one value put in at a JSON pointer.
fn with(pointer: &str, value: Value) -> Vec<u8> {
    let mut config: Value = serde_json::from_str(&DefaultConfig::default().to_json()).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match config.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = value,
        _ => panic!("{pointer} is not below an object or an array"),
    }
    creel_conformance::take_out(&mut config);
    config.to_string().into_bytes()
}

fn refused(pointer: &str, value: Value) -> ParseError {
    parse_spec(&with(pointer, value)).unwrap_err()
}

fn spec_of(text: &[u8]) -> Spec {
    let (spec, warnings) = parse_spec(text).unwrap();
    assert_eq!(warnings, []);
    *spec
}

#[test]
fn broken_json_is_placed_by_line_and_column() {
    let error =
        parse_spec(b"{\"ociVersion\": \"1.0.2\",\n\"process\": {\"args\": [}\n").unwrap_err();
    let ParseError::Syntax { source } = error else { panic!("{error}") };
    assert_eq!((source.line(), source.column()), (2, 22));
    for text in ["", "{", "[}", "{} x", "{\"ociVersion\":\"1.0.2\""] {
        let error = parse_spec(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ParseError::Syntax { .. }), "{text:?}: {error}");
    }
}

#[test]
fn an_error_says_where_what_and_what_instead() {
    let cases = [
        (
            "/linux/namespaces/2/type",
            json!("foo"),
            "linux.namespaces[2].type: found \"foo\", allowed is one of \"mount\", \"cgroup\", \
             \"uts\", \"ipc\", \"user\", \"pid\", \"network\", \"time\"",
        ),
        (
            "/process/noNewPrivileges",
            json!("yes"),
            "process.noNewPrivileges: found \"yes\", allowed is true or false",
        ),
        (
            "/process/user/uid",
            json!(-1),
            "process.user.uid: found -1, allowed is a whole number from 0 to 4294967295",
        ),
        ("/mounts", json!({"a": 1}), "mounts: found {\"a\":1}, allowed is an array"),
        ("/mounts/1/options/0", json!(5), "mounts[1].options[0]: found 5, allowed is a string"),
        (
            "/linux/sysctl",
            json!({"net.x": 1}),
            "linux.sysctl[\"net.x\"]: found 1, allowed is a string",
        ),
        (
            "/process/execCPUAffinity",
            json!({"initial": "0-3", "final": "x"}),
            "process.execCPUAffinity.final: found \"x\", allowed is a list of processors, \
             such as \"0-3,7\"",
        ),
        (
            "/process/execCPUAffinity",
            json!({"final": "0-3", "initial": "x"}),
            "process.execCPUAffinity.initial: found \"x\", allowed is a list of processors, \
             such as \"0-3,7\"",
        ),
        (
            "/linux/personality",
            json!({"domain": {"q": 1}}),
            "linux.personality.domain: found {\"q\":1}, allowed is \"LINUX\" or \"LINUX32\"",
        ),
        (
            "/linux/devices",
            json!([["/dev/x"]]),
            "linux.devices[0]: found [\"/dev/x\"], allowed is an object",
        ),
        ("/root", json!("rootfs"), "root: found \"rootfs\", allowed is an object"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(refused(pointer, value).to_string(), expected);
    }
}

/// serde takes the members of a struct in their order for the struct.
#[test]
fn an_array_in_the_place_of_an_object_is_refused_at_any_depth() {
    let cases = [
        ("/process/user", json!([]), "process.user: found []"),
        ("/process/user", json!([0, 0]), "process.user: found [0,0]"),
        ("/root", json!(["rootfs"]), "root: found [\"rootfs\"]"),
        ("/process", json!([[1, 2], "x"]), "process: found [[1,2],\"x\"]"),
        (
            "/process/rlimits/0",
            json!(["RLIMIT_CPU", 1, 1]),
            "process.rlimits[0]: found [\"RLIMIT_CPU\",1,1]",
        ),
        ("/linux/resources/devices/0", json!([false]), "linux.resources.devices[0]: found [false]"),
        ("/linux/sysctl", json!([]), "linux.sysctl: found []"),
        ("/linux/seccomp", json!(["SCMP_ACT_ALLOW"]), "linux.seccomp: found [\"SCMP_ACT_ALLOW\"]"),
        ("/hooks", json!({"poststop": [["/bin/x"]]}), "hooks.poststop[0]: found [\"/bin/x\"]"),
    ];
    for (pointer, value, expected) in cases {
        let message = refused(pointer, value).to_string();
        assert_eq!(message, format!("{expected}, allowed is an object"), "{pointer}");
    }
}

/// As with runc: the names are those of config.md, and what is none of them is a warning.
#[test]
fn a_capability_has_its_prefix_and_capital_letters() {
    let given = json!({"bounding": ["SYS_ADMIN", "CAP_KILL", "cap_chown", "CAP_CAP_CHOWN"]});
    let (spec, warnings) = parse_spec(&with("/process/capabilities", given)).unwrap();
    let sets = spec.process().as_ref().unwrap().capabilities().clone().unwrap();
    assert_eq!(sets.bounding().as_ref().unwrap().len(), 1);
    let paths: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    assert!(
        paths[0].contains("process.capabilities.bounding[0]") && paths[0].contains("SYS_ADMIN")
    );
}

#[test]
fn an_unknown_rlimit_is_refused_with_the_known_ones() {
    let ParseError::Value { path, found, allowed } =
        refused("/process/rlimits/0/type", json!("RLIMIT_FOO"))
    else {
        panic!("not an error of a value");
    };
    assert_eq!((path.as_str(), found.as_str()), ("process.rlimits[0].type", "\"RLIMIT_FOO\""));
    assert!(allowed.contains("\"RLIMIT_NOFILE\""), "{allowed}");
}

#[test]
fn a_missing_property_is_named_in_full() {
    let error = refused("/process", json!({"user": {}, "args": ["sh"]}));
    assert!(matches!(&error, ParseError::Missing { path } if path == "process.cwd"), "{error}");
    let error = refused("/linux/namespaces/0", json!({}));
    assert!(
        matches!(&error, ParseError::Missing { path } if path == "linux.namespaces[0].type"),
        "{error}"
    );
}

#[test]
fn a_document_that_is_no_object_is_refused() {
    for text in ["[1]", "[]", " [\"1.0.0\"]", "3", "null"] {
        let expected = format!("the document: found {}, allowed is an object", text.trim());
        assert_eq!(parse_spec(text.as_bytes()).unwrap_err().to_string(), expected);
        assert_eq!(parse_process(text.as_bytes()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_long_value_is_shortened_in_the_message() {
    let ParseError::Value { found, .. } = refused("/hostname", json!(vec!["\u{e9}"; 200])) else {
        panic!("not an error of a value");
    };
    assert!(found.ends_with("...") && found.chars().count() == SHOWN + 3, "{found}");
}

#[test]
fn unknown_properties_are_ignored() {
    let spec = spec_of(&with("/process/nonsense", json!({"a": [1]})));
    assert_eq!(spec.process().as_ref().unwrap().no_new_privileges(), Some(true));
}

#[test]
fn an_unknown_capability_is_dropped_with_a_warning() {
    let given = json!({"bounding": ["CAP_KILL", "CAP_FOO", "CAP_CHOWN"], "effective": ["CAP_BAR"]});
    let (spec, warnings) = parse_spec(&with("/process/capabilities", given)).unwrap();
    let unknown = |path: &str, name: &str| Warning::UnknownCapability {
        path: path.to_owned(),
        name: name.to_owned(),
    };
    assert_eq!(
        warnings,
        [
            unknown("process.capabilities.bounding[1]", "CAP_FOO"),
            unknown("process.capabilities.effective[0]", "CAP_BAR"),
        ]
    );
    let sets = spec.process().as_ref().unwrap().capabilities().clone().unwrap();
    let bounding = sets.bounding().clone().unwrap();
    assert_eq!(bounding, [Capability::Kill, Capability::Chown].into());
    assert!(sets.effective().as_ref().unwrap().is_empty());
}

#[test]
fn a_capability_that_is_no_string_is_refused() {
    let error = refused("/process/capabilities/bounding/1", json!(12));
    assert!(
        matches!(&error, ParseError::Value { path, .. } if path == "process.capabilities.bounding[1]"),
        "{error}"
    );
}

fn pids_limit(text: &[u8]) -> Option<i64> {
    let spec = spec_of(text);
    let resources = spec.linux().as_ref().unwrap().resources().clone().unwrap();
    resources.pids().map(|pids| pids.limit())
}

#[test]
fn pids_without_a_limit_is_no_limit_and_zero_is_one() {
    let limit = |given| pids_limit(&with("/linux/resources/pids", given));
    assert_eq!(limit(json!({})), None);
    assert_eq!(limit(json!({"limit": null})), None);
    assert_eq!(limit(json!({"limit": 0})), Some(0));
    assert_eq!(limit(json!({"limit": -1})), Some(-1));
    assert_eq!(limit(json!({"limit": 7})), Some(7));
}

#[test]
fn before_version_1_3_a_pids_limit_of_zero_is_none() {
    let limit = |version: &str, given: i64| {
        let text = with("/linux/resources/pids", json!({"limit": given}));
        let mut document: Value = serde_json::from_slice(&text).unwrap();
        document["ociVersion"] = json!(version);
        pids_limit(document.to_string().as_bytes())
    };
    assert_eq!(limit("1.2.1+dev", 0), None);
    assert_eq!(limit("1.0.2", 0), None);
    assert_eq!(limit("1.3.0", 0), Some(0));
    assert_eq!([limit("1.2.0", -1), limit("1.2.0", 1)], [Some(-1), Some(1)]);
}

#[test]
fn null_is_as_good_as_absent() {
    let spec = spec_of(&with("/process/user", json!({"uid": null, "gid": 5})));
    let user = spec.process().as_ref().unwrap().user().clone();
    assert_eq!((user.uid(), user.gid()), (0, 5));
    let spec = spec_of(&with("/process/user", Value::Null));
    assert_eq!(spec.process().as_ref().unwrap().user().uid(), 0);
}

#[test]
fn an_empty_string_is_as_good_as_absent() {
    let namespace = json!({"type": "pid", "path": ""});
    let spec = spec_of(&with("/linux/namespaces/0", namespace));
    let namespaces = spec.linux().as_ref().unwrap().namespaces().clone().unwrap();
    assert_eq!(namespaces[0].typ(), LinuxNamespaceType::Pid);
    assert_eq!(*namespaces[0].path(), None);

    let spec = spec_of(&with("/linux/cgroupsPath", json!("")));
    assert_eq!(*spec.linux().as_ref().unwrap().cgroups_path(), None);
    assert_eq!(*spec_of(&with("/hostname", json!(""))).hostname(), None);
    let rule = json!({"allow": false, "type": "", "access": "rwm"});
    let spec = spec_of(&with("/linux/resources/devices/0", rule));
    let resources = spec.linux().as_ref().unwrap().resources().clone().unwrap();
    assert_eq!(resources.devices().as_ref().unwrap()[0].typ(), None);
}

#[test]
fn monitoring_is_read_in_the_spelling_of_older_versions() {
    for (name, cmt, mbm) in [("enableCMT", Some(true), None), ("enableMBM", None, Some(true))] {
        let spec = spec_of(&with("/linux/intelRdt", json!({name: true})));
        let rdt = spec.linux().as_ref().unwrap().intel_rdt().clone().unwrap();
        #[allow(deprecated)]
        let found = (*rdt.enable_cmt(), *rdt.enable_mbm());
        assert_eq!(found, (cmt, mbm), "{name}");
    }
}

#[test]
fn scheduler_flags_are_read_in_the_specifications_spelling() {
    let flags = [
        "SCHED_FLAG_RESET_ON_FORK",
        "SCHED_FLAG_RECLAIM",
        "SCHED_FLAG_DL_OVERRUN",
        "SCHED_FLAG_KEEP_POLICY",
        "SCHED_FLAG_KEEP_PARAMS",
        "SCHED_FLAG_UTIL_CLAMP_MIN",
        "SCHED_FLAG_UTIL_CLAMP_MAX",
    ];
    let given = json!({"policy": "SCHED_DEADLINE", "flags": flags});
    let spec = spec_of(&with("/process/scheduler", given));
    let scheduler = spec.process().as_ref().unwrap().scheduler().clone().unwrap();
    assert_eq!(scheduler.flags().as_ref().unwrap().len(), flags.len());
}

#[test]
fn a_hugepage_limit_beyond_i64_stays_the_largest() {
    let given = json!([{"pageSize": "2MB", "limit": u64::MAX}]);
    let spec = spec_of(&with("/linux/resources/hugepageLimits", given));
    let resources = spec.linux().as_ref().unwrap().resources().clone().unwrap();
    assert_eq!(resources.hugepage_limits().as_ref().unwrap()[0].limit(), i64::MAX);
}

#[test]
fn sections_of_other_systems_are_not_ours_to_judge() {
    spec_of(&with("/windows", json!({"credentialSpec": "x"})));
    spec_of(&with("/vm", json!({"image": 1})));
}

#[test]
fn a_process_alone_is_read_by_the_same_rules() {
    let text = br#"{"args": ["id"], "cwd": "/", "capabilities": {"bounding": ["CAP_FOO"]}}"#;
    let (process, warnings) = parse_process(text).unwrap();
    assert_eq!(process.user().uid(), 0);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().starts_with("capabilities.bounding[0]: "), "{}", warnings[0]);
    let error = parse_process(br#"{"args": "id", "cwd": "/", "user": {}}"#).unwrap_err();
    assert_eq!(error.to_string(), "args: found \"id\", allowed is an array");
}

/// As Go's parser reads it.
#[test]
fn a_text_that_is_not_utf_8_is_read_with_a_warning() {
    for text in [
        &b"{\"ociVersion\":\"1.0.0\",\"unknown\":\"caf\xe9\"}"[..],
        b"{\"ociVersion\":\"1.0.0\xe9\"}",
    ] {
        let (spec, warnings) = parse_spec(text).unwrap();
        assert!(spec.version().starts_with("1.0.0"));
        assert_eq!(warnings, [Warning::NotUtf8]);
    }
}
