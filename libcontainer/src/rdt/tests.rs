//! Against a tree of plain files that looks like resctrl: no machine of ours has the real one.

use super::{Groups, RdtError};
use crate::plan::Rdt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A fake resctrl, gone at the end.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("creel-rdt-{}-{number}", std::process::id()));
        fs::create_dir_all(path.join("mon_groups")).unwrap();
        Tree(path)
    }

    /// A class that somebody made before.
    fn class(&self, name: &str, schemata: &str) {
        fs::create_dir_all(self.0.join(name).join("mon_groups")).unwrap();
        fs::write(self.0.join(name).join("schemata"), schemata).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.0.join(path)).unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn wanted(class: &str, named: bool, schemata: &[&str]) -> Rdt {
    let schemata = schemata.iter().map(ToString::to_string).collect();
    Rdt { class: class.to_owned(), named, schemata, monitor: None }
}

fn make(tree: &Path, wanted: &Rdt) -> Result<Groups, RdtError> {
    let mut groups = Groups::planned(wanted, tree);
    groups.create(wanted).map(|()| groups)
}

/// The kernel's files vanish with their directory, plain ones do not.
fn empty(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
}

#[test]
fn a_class_of_its_own_is_made_entered_and_removed() {
    let tree = Tree::new();
    let groups = make(&tree.0, &wanted("web", false, &["L3:0=f", "MB:0=20"])).unwrap();
    assert_eq!(tree.read("web/schemata"), "L3:0=f\nMB:0=20\n");
    groups.enter(42).unwrap();
    assert_eq!(tree.read("web/tasks"), "42");
    empty(&tree.0.join("web"));
    groups.remove().unwrap();
    assert!(!tree.0.join("web").exists());
    groups.remove().unwrap();
}

#[test]
fn a_named_class_that_exists_has_to_be_the_same_and_stays() {
    let tree = Tree::new();
    tree.class("gold", "    MB:0=  20;1= 100\n    L3:0=00f;1=00f\n");
    let groups = make(&tree.0, &wanted("gold", true, &["L3:0=f", "MB:0=20;1=100"])).unwrap();
    groups.remove().unwrap();
    assert!(tree.0.join("gold").exists());
    for other in ["L3:0=e", "L3:2=f", "L2:0=f", "nonsense"] {
        let error = make(&tree.0, &wanted("gold", true, &[other])).unwrap_err();
        assert!(matches!(error, RdtError::Differs { .. }), "{error}");
        assert!(error.to_string().contains(other), "{error}");
    }
    assert!(tree.read("gold/schemata").contains("L3:0=00f"));
}

#[test]
fn a_named_class_is_made_when_it_is_said_how() {
    let tree = Tree::new();
    let error = make(&tree.0, &wanted("gold", true, &[])).unwrap_err();
    assert!(error.to_string().starts_with("linux.intelRdt.closID: class "), "{error}");
    let groups = make(&tree.0, &wanted("gold", true, &["L3:0=f"])).unwrap();
    assert_eq!(tree.read("gold/schemata"), "L3:0=f\n");
    groups.remove().unwrap();
    assert!(tree.0.join("gold").exists(), "others may use it");
}

#[test]
fn the_class_of_another_container_is_not_taken_nor_removed() {
    let tree = Tree::new();
    tree.class("web", "L3:0=f\n");
    let plan = wanted("web", false, &["L3:0=1"]);
    let mut groups = Groups::planned(&plan, &tree.0);
    assert!(groups.create(&plan).is_err());
    groups.remove().unwrap();
    assert_eq!(tree.read("web/schemata"), "L3:0=f\n");
}

#[test]
fn a_monitoring_group_is_the_containers_own() {
    let tree = Tree::new();
    tree.class("gold", "L3:0=f\n");
    let plan = Rdt { monitor: Some("web".to_owned()), ..wanted("gold", true, &[]) };
    let groups = make(&tree.0, &plan).unwrap();
    groups.enter(7).unwrap();
    assert_eq!(tree.read("gold/tasks"), "7");
    assert_eq!(tree.read("gold/mon_groups/web/tasks"), "7");
    empty(&tree.0.join("gold/mon_groups/web"));
    groups.remove().unwrap();
    assert!(!tree.0.join("gold/mon_groups/web").exists() && tree.0.join("gold").exists());
}

#[test]
fn other_lines_are_written_and_lead_back() {
    let tree = Tree::new();
    let groups = make(&tree.0, &wanted("web", false, &["L3:0=f", "MB:0=20", "L2:0=1"])).unwrap();
    let before = groups.change(&["MB:0=30".to_owned(), "L3:0=3".to_owned()]).unwrap();
    assert_eq!(tree.read("web/schemata"), "MB:0=30\nL3:0=3\n");
    assert_eq!(before, ["L3:0=f", "MB:0=20"]);
}

#[test]
fn the_top_of_the_tree_is_a_class_too() {
    let tree = Tree::new();
    let groups = make(&tree.0, &wanted("", true, &[])).unwrap();
    groups.enter(9).unwrap();
    assert_eq!(tree.read("tasks"), "9");
    groups.remove().unwrap();
    assert!(tree.0.exists());
}
