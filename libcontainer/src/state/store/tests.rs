//! What cannot be saved, and what is changed in place.

use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

fn root(test: &str) -> PathBuf {
    std::env::temp_dir().join(format!("creel-store-{test}-{}", std::process::id()))
}

/// Nothing is damaged, and nothing is there to be removed.
#[test]
fn a_path_that_is_not_utf_8_cannot_be_saved() {
    let root = root("utf-8");
    let entry = Store::new(&root).claim("c").expect("a new id");
    let refused = entry.replace("state.json", &Path::new(OsStr::from_bytes(b"/b/\xff")));
    entry.remove().expect("an entry");
    fs::remove_dir(&root).expect("nothing is left in it");
    assert!(matches!(refused, Err(StoreError::File { action: "write", .. })), "{refused:?}");
}

/// Whatever else the record says.
#[test]
fn that_a_cgroup_is_made_is_saved_in_place() {
    let root = root("made");
    let entry = Store::new(&root).claim("c").expect("a new id");
    let json = serde_json::json!({
        "version": 1, "ociVersion": "1.2.0", "id": "c", "bundle": r#"/"made":false"#, "rootfs": "/",
        "created": "", "owner": 0, "namespaces": [], "joinedPid": false, "noNewKeyring": true,
        "cgroup": {"driver": "cgroupfs", "paths": {"": r#"/"made":false"#}, "made": false},
        "annotations": {r#""made":false"#: "made"},
    });
    let mut record: Record = serde_json::from_value(json).expect("a record");
    let saved = entry.save_unmade(&record).expect("a place for it");
    assert_eq!(to_json(&entry.load().expect("a record")), to_json(&record));
    let file = |entry: &Entry| fs::read(entry.path.join(FILE)).expect("a file");
    let before = file(&entry);
    entry.mark_made(&saved).expect("a place for it");
    let changed = before.iter().zip(file(&entry)).filter(|(before, after)| *before != after);
    assert_eq!(changed.count(), 1, "others read it meanwhile");
    record.cgroup.made = true;
    assert_eq!(to_json(&entry.load().expect("a record")), to_json(&record));
    entry.remove().expect("an entry");
    fs::remove_dir(&root).expect("nothing is left in it");
}

/// What a container seldom has, too.
#[test]
fn nothing_is_left_of_an_entry() {
    let root = root("removed");
    for rest in
        [vec![], vec![FILE], vec![FILTER], vec![FILE, FILTER, START, NEW_FILE, UNWANTED, NOTIFY]]
    {
        let entry = Store::new(&root).claim("c").expect("a new id");
        for name in rest {
            match name {
                NOTIFY => fs::create_dir(entry.path.join(name)).expect("a directory"),
                file => drop(entry.write(file, b"x").expect("a file")),
            }
        }
        entry.remove().expect("an entry");
        assert!(!root.join("c").exists());
    }
    fs::remove_dir(&root).expect("nothing is left in it");
}

fn to_json(record: &Record) -> serde_json::Value {
    serde_json::to_value(record).expect("a record")
}
