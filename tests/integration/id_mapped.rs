//! Id-mapped mounts.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use creel_probe::{Node, Try};
use nix::mount::MsFlags;
use serde_json::{Value, json};

use crate::harness::{Bundle, needs_root, runc_deviates};

/// Id 1000 on disk is id 5000 in the container, and 1001 is 5001.
fn map() -> Value {
    json!([{"containerID": 1000, "hostID": 5000, "size": 2}])
}

/// A directory of the host with a file, both of user 1000 and group 1001.
fn source(bundle: &Bundle) -> PathBuf {
    let dir = bundle.outside("source");
    let file = dir.join("file");
    fs::write(&file, "text").expect("file");
    chown(&file, Some(1000), Some(1001)).expect("chown");
    chown(&dir, Some(1000), Some(1001)).expect("chown");
    dir
}

fn mapped(bundle: Bundle, source: &std::path::Path, options: &[&str]) -> Bundle {
    let (source, options) = (source.to_str().expect("UTF-8"), options.to_vec());
    bundle.config(|c| {
        c.push(
            "/mounts",
            json!({"source": source, "destination": "/m", "type": "none", "options": options,
                   "uidMappings": map(), "gidMappings": map()}),
        );
    })
}

fn owner(tried: Try) -> (u32, u32) {
    let Try::Node(Node { uid, gid, .. }) = tried else { panic!("{tried:?}") };
    (uid, gid)
}

#[test]
fn owners_are_mapped() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    let bundle = Bundle::new("idmap");
    let source = source(&bundle);
    let mut bundle = mapped(bundle, &source, &["bind", "idmap"]);
    assert_eq!(owner(bundle.try_inside("stat:/m/file")), (5000, 5001));
}

/// config.md: the option only SHOULD stand beside the mappings.
#[test]
fn mappings_alone_map_too() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    let bundle = Bundle::new("idmapalone");
    let source = source(&bundle);
    let mut bundle = mapped(bundle, &source, &["rbind", "ro"]).config(|c| {
        c.set("/process/user", json!({"uid": 5000, "gid": 5001}));
    });
    assert_eq!(owner(bundle.try_inside("stat:/m/file")), (5000, 5001));
    assert_eq!(bundle.try_inside("write:/m/file"), Try::Failed("EROFS".to_owned()));
}

#[test]
fn ridmap_maps_what_is_mounted_below_and_idmap_does_not() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    for (option, below) in [("idmap", (1000, 1001)), ("ridmap", (5000, 5001))] {
        let mut bundle = Bundle::new(option);
        let source = source(&bundle);
        let sub = bundle.outside("source/sub");
        bundle.mount_tmpfs(&sub, MsFlags::empty(), "");
        fs::write(sub.join("file"), "").expect("file");
        chown(sub.join("file"), Some(1000), Some(1001)).expect("chown");
        let mut bundle = mapped(bundle, &source, &["rbind", option]);
        let tries = bundle.try_all(&["stat:/m/file", "stat:/m/sub/file"]);
        let owners: Vec<_> = tries.into_iter().map(owner).collect();
        assert_eq!(owners, [(5000, 5001), below], "{option}");
    }
}

#[test]
fn what_is_made_there_belongs_to_the_unmapped_user() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    let bundle = Bundle::new("idmapwrite");
    let source = source(&bundle);
    let mut bundle = mapped(bundle, &source, &["bind", "idmap"]).config(|c| {
        c.set("/process/user", json!({"uid": 5000, "gid": 5000}));
    });
    assert_eq!(bundle.try_inside("make:/m/new"), Try::Worked(String::new()));
    let meta = fs::metadata(source.join("new")).expect("the new file");
    assert_eq!((meta.uid(), meta.gid()), (1000, 1000));
}

/// Without mappings of its own a mount takes those of the container's user namespace: what belongs to root on
/// the host belongs to root inside.
#[test]
fn the_containers_own_mappings_are_taken() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    let bundle = Bundle::new("idmapuserns").dir("plain").dir("mapped");
    for path in [bundle.path(".."), bundle.path(""), bundle.rootfs("")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let source = bundle.outside("source");
    fs::write(source.join("file"), "").expect("file");
    let own = json!([{"containerID": 0, "hostID": 100_000, "size": 1000}]);
    let mut bundle = bundle.config(|c| {
        c.push("/linux/namespaces", json!({"type": "user"}));
        c.set("/linux/uidMappings", own.clone());
        c.set("/linux/gidMappings", own);
        c.bind(source.to_str().expect("UTF-8"), "/plain", &[]);
        c.bind(source.to_str().expect("UTF-8"), "/mapped", &["idmap"]);
    });
    let tries = bundle.try_all(&["stat:/plain/file", "stat:/mapped/file"]);
    let owners: Vec<_> = tries.into_iter().map(owner).collect();
    assert_eq!(owners, [(65534, 65534), (0, 0)]);
}

#[test]
fn idmap_without_any_mapping_is_refused() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    let bundle = Bundle::new("idmapnone");
    let source = source(&bundle);
    let bundle = bundle.config(|c| c.bind(source.to_str().expect("UTF-8"), "/m", &["idmap"]));
    bundle.run().refused(&["mounts[7].options", "idmap", "uidMappings"]);
    bundle.assert_nothing_left();
}

#[test]
fn a_file_system_that_cannot_be_mapped_is_named() {
    needs_root!("only who owns a file system can map its ids");
    runc_deviates!("id-mapped mounts came with 1.2");
    let bundle = mapped(Bundle::new("idmapproc"), "/proc/sys".as_ref(), &["bind", "idmap"]);
    bundle.run().refused(&["mounts[7]", "mapping its ids", "cannot be id-mapped"]);
    bundle.assert_nothing_left();
}
