//! What the command line changes.

use super::harness::{planned, request, v2};
use super::text::changes;
use crate::plan::Request;
use creel_wire::Slot;
use creel_wire::owned::Step;
use insta::assert_snapshot;

fn with(edit: impl FnOnce(&mut Request)) -> String {
    let mut other = request();
    edit(&mut other);
    changes(&planned(|_| {}, &request(), &v2()), &planned(|_| {}, &other, &v2()))
}

#[test]
fn no_pivot() {
    assert_snapshot!(with(|request| request.no_pivot = true), @r"
      makeDirectory
    - root.path: pivotRoot
    + root.path: moveRoot
      console
    ");
}

#[test]
fn a_trace_is_of_all_steps() {
    let steps = |traced| {
        let request = Request { traced, ..request() };
        planned(|_| {}, &request, &v2()).inside
    };
    let (first, others) = (&steps(true)[0], &steps(true)[1..]);
    assert!(matches!(first.step, Step::Clock { times: Slot(1) }));
    assert_eq!(others, steps(false));
}

#[test]
fn create_waits_for_start() {
    assert_snapshot!(with(|request| request.separate_start = true), @r#"
    - descriptors = ["conversation"]
    + descriptors = ["conversation","startListener"]
      ready
    + awaitStart listener=1
      execute
    "#);
}

#[test]
fn preserved_descriptors_stay_open() {
    assert_snapshot!(with(|request| request.preserve_fds = 4), @r"
    - closeFrom first=3
    + closeFrom first=7
      resetSignals
    ");
}

#[test]
fn no_new_keyring() {
    assert_snapshot!(with(|request| request.no_new_keyring = true), @r"
      resetAffinity
    - sessionKeyring name=_ses.web
      loopbackUp
    ");
}

#[test]
fn id_and_bundle() {
    let edit = |request: &mut Request| {
        request.id = "other".to_owned();
        request.bundle = "/srv/other".into();
    };
    assert_snapshot!(with(edit), @r#"
    - cgroup.directories = [{"kind":"v2","mount":"/sys/fs/cgroup","below":"web"}]
    + cgroup.directories = [{"kind":"v2","mount":"/sys/fs/cgroup","below":"other"}]
      resetAffinity
    - sessionKeyring name=_ses.web
    + sessionKeyring name=_ses.other
      loopbackUp
      propagation
    - root.path: root path=/bundle/rootfs
    + root.path: root path=/srv/other/rootfs
      mountFilesystem
      mountFilesystem
    - mounts[6]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup/web set=0xf clear=0x70
    + mounts[6]: mountBind target=sys/fs/cgroup source=/sys/fs/cgroup/other set=0xf clear=0x70
      device
    "#);
}
