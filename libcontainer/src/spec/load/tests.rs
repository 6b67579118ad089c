use std::{error::Error as _, fs, process};

use super::*;
use crate::spec::DefaultConfig;

/// A directory of this test alone, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let name = format!("creel-load-{}-{test}", process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn with_config(test: &str, text: &str) -> Self {
        let directory = Self::new(test);
        fs::write(directory.0.join("config.json"), text).unwrap();
        directory
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_bundle_is_loaded() {
    let bundle = Directory::with_config("good", &DefaultConfig::default().to_json());
    let loaded = load(&bundle.0).unwrap();
    assert_eq!(loaded.spec.version(), "1.3.0");
    assert_eq!(loaded.warnings, []);
}

#[test]
fn what_is_missing_is_told_apart() {
    let directory = Directory::new("missing");
    let error = load(&directory.0.join("nowhere")).unwrap_err();
    assert!(matches!(error, LoadError::Bundle { .. }), "{error}");
    let error = load(&directory.0).unwrap_err();
    assert!(matches!(error, LoadError::NoConfig { .. }), "{error}");
    assert!(error.to_string().contains(&directory.0.display().to_string()), "{error}");
    let file = directory.0.join("file");
    fs::write(&file, "").unwrap();
    let error = load(&file).unwrap_err();
    assert!(matches!(error, LoadError::BundleNotDirectory { .. }), "{error}");
    fs::create_dir(directory.0.join("config.json")).unwrap();
    let error = load(&directory.0).unwrap_err();
    assert!(matches!(error, LoadError::Read { .. }), "{error}");
}

#[test]
fn the_place_of_a_mistake_is_in_the_chain() {
    let bundle = Directory::with_config("broken", "{\n  \"root\": }");
    let error = load(&bundle.0).unwrap_err();
    let parse = error.source().unwrap();
    let syntax = parse.source().unwrap().to_string();
    assert_eq!(syntax, "expected value at line 2 column 11");
    assert!(!parse.to_string().contains(&syntax) && !error.to_string().contains(&syntax));
}

#[test]
fn a_file_beyond_the_cap_is_not_read() {
    let bundle = Directory::with_config("large", "");
    let file = fs::File::options().write(true).open(bundle.0.join("config.json")).unwrap();
    file.set_len(MAX_CONFIG_SIZE + 1).unwrap();
    let error = load(&bundle.0).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    file.set_len(MAX_CONFIG_SIZE).unwrap();
    let error = load(&bundle.0).unwrap_err();
    assert!(matches!(error, LoadError::Parse { .. }), "{error}");
}

#[test]
fn a_process_file_is_loaded() {
    let directory = Directory::new("process");
    let file = directory.0.join("process.json");
    fs::write(&file, r#"{"args": ["id"], "cwd": "/", "user": {"uid": 3}}"#).unwrap();
    let loaded = load_process(&file).unwrap();
    assert_eq!(loaded.process.user().uid(), 3);
    let error = load_process(&directory.0.join("nowhere")).unwrap_err();
    assert!(matches!(error, LoadError::Open { .. }), "{error}");
}
