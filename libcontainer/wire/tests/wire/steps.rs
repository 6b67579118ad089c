//! Every step there is: to make one at random, and to turn what was read back into what was written.

use crate::random::{Arbitrary, Random};
use crate::walk::{Inside, Look};
use creel_wire::owned::{Step as Owned, Text, encode};
use creel_wire::{Plan, Slot, Step, Texts, Words};
use std::ffi::CStr;

/// The table of every plan here; no number is twice in it, so that a number tells its slot.
pub(crate) const DESCRIPTORS: [i32; 5] = [7, 100, -1, i32::MAX, i32::MIN];

/// Kept by hand beside the definition in creel-wire: a step that is missing here, or a field that has
/// another name, does not compile.
macro_rules! all {
    ($( $name:ident { $($field:ident),* } )*) => {
        /// One maker of random values per step.
        pub(crate) const ALL: &[fn(&mut Random) -> Owned] = &[
            $( |_random| Owned::$name { $( $field: Arbitrary::arbitrary(_random) ),* } ),*
        ];

        /// What `step` was written from.
        pub(crate) fn owned(step: Step<'_>) -> Owned {
            match step {
                $( Step::$name { $($field),* } => Owned::$name { $( $field: $field.own() ),* }, )*
                Step::_Lifetime(never, _) => match never {},
            }
        }

        /// Reads every field of `step`.
        pub(crate) fn look(step: Step<'_>, inside: &Inside<'_>) {
            let _ = inside;
            match step {
                $( Step::$name { $($field),* } => { $( $field.look(inside); )* } )*
                Step::_Lifetime(never, _) => match never {},
            }
        }
    };
}

all! {
    NonDumpable {}
    ListenPid {}
    AwaitAdmission {}
    AwaitIdMaps {}
    OuterSource { tree }
    Clock { times }
    JoinNamespace { namespace, kind }
    Unshare { flags }
    EnterPidNamespace { at_once }
    NewSession {}
    SessionKeyring { name }
    LoopbackUp {}
    Hostname { name }
    Domainname { name }
    ResetAffinity {}
    ResetSignals {}
    Propagation { flags }
    Root { path }
    OpenRoot { path }
    EnterRoot { root }
    MountFilesystem { target, fstype, source, parameters, attributes, propagation, flags }
    MountBind {
        target, source, recursive, set, clear, recursive_set, recursive_clear, propagation, flags
    }
    Device { path, mode, major, minor, uid, gid }
    Symlink { path, target, replace }
    AwaitHooks {}
    Hook { path, arguments, environment, timeout, stdin }
    PivotRoot {}
    MoveRoot {}
    Chroot {}
    RootPropagation { flags }
    Sysctl { path, value }
    ReadonlyPath { path }
    MaskPath { path }
    ReadonlyRoot {}
    Console { uid, rows, columns, device }
    Home { uid }
    NoNewPrivileges {}
    Rlimit { resource, soft, hard }
    BoundingSet { keep }
    WorkingDirectory { path }
    User { uid, gid, groups, set_groups }
    CheckWorkingDirectory { path }
    Capabilities { effective, permitted, inheritable, ambient }
    Umask { mask }
    CloseFrom { first }
    FindProgram { name, path }
    Ready {}
    AwaitStart { listener }
    Seccomp { flags, program, report }
    MakeDirectory { path }
    MountAttributes { target, set }
    UserNamespaceRoot {}
    MountTree { target, tree, set, clear, recursive_set, recursive_clear, propagation, flags }
    Remount {
        target, parameters, reconfigure, set, clear, recursive_set, recursive_clear, propagation
    }
    TimeNamespace { offsets }
    Personality { persona }
    Scheduler { policy, flags, nice, priority, runtime, deadline, period }
    IoPriority { priority }
    MemoryPolicy { mode, nodes }
    Affinity { cpus }
    ExecLabel { files, label }
    FileLabel { target, label }
    Execute { arguments, environment }
}

/// A plan that holds every step once.
pub(crate) fn one_of_each(random: &mut Random) -> Vec<u8> {
    let steps: Vec<Owned> = ALL.iter().map(|make| make(random)).collect();
    encode(&steps, &DESCRIPTORS).unwrap()
}

/// The steps of a plan that has to be valid.
pub(crate) fn read(plan: &[u8]) -> Vec<Owned> {
    let plan = Plan::decode(plan).unwrap();
    plan.steps().map(|step| owned(step.unwrap())).collect()
}

/// From the form that is read in place to the form that is written.
trait Own {
    type Owned;
    fn own(self) -> Self::Owned;
}

macro_rules! same {
    ($($ty:ty)*) => {$(
        impl Own for $ty {
            type Owned = $ty;
            fn own(self) -> $ty {
                self
            }
        }
    )*};
}
same!(u32 u64 i64 bool);

impl Own for &CStr {
    type Owned = Text;
    fn own(self) -> Text {
        Text::new(self.to_bytes()).unwrap()
    }
}

impl Own for &[u8] {
    type Owned = Vec<u8>;
    fn own(self) -> Vec<u8> {
        self.to_vec()
    }
}

impl Own for Texts<'_> {
    type Owned = Vec<Text>;
    fn own(self) -> Vec<Text> {
        let texts: Vec<Text> = self.map(Own::own).collect();
        assert_eq!(texts.len(), self.count());
        texts
    }
}

impl Own for Words<'_> {
    type Owned = Vec<u32>;
    fn own(self) -> Vec<u32> {
        let words: Vec<u32> = self.iter().collect();
        assert_eq!((words.len(), words.is_empty()), (self.len(), self.is_empty()));
        words
    }
}

/// A descriptor's number: no step has any other field of this type.
impl Own for i32 {
    type Owned = Slot;
    fn own(self) -> Slot {
        Slot(DESCRIPTORS.iter().position(|number| *number == self).unwrap() as u32)
    }
}
