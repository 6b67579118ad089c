//! What cannot be saved.

use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Nothing is damaged, and nothing is there to be removed.
#[test]
fn a_path_that_is_not_utf_8_cannot_be_saved() {
    let root = std::env::temp_dir().join(format!("creel-store-{}", std::process::id()));
    let entry = Store::new(&root).claim("c").expect("a new id");
    let refused = entry.replace("state.json", &Path::new(OsStr::from_bytes(b"/b/\xff")));
    entry.remove().expect("an entry");
    fs::remove_dir(&root).expect("nothing is left in it");
    assert!(matches!(refused, Err(StoreError::File { action: "write", .. })), "{refused:?}");
}
