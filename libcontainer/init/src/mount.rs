//! Mounts. Every one is made as a descriptor first and then moved onto a target that was resolved
//! once, below the root: nothing can be swapped in between.

use crate::buffer::Buffer;
use crate::copy;
use crate::failure::{Context, Failure, Outcome};
use crate::legacy;
use crate::resolve::{self, Kind};
use crate::sys::{self, MountAttr};
use core::ffi::CStr;
use creel_wire::Texts;
use creel_wire::message::At;
use creel_wire::step::mount_flags;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, CWD, FileType, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    self, FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags,
};

/// What all mounts have in common.
pub struct Settings<'a> {
    pub target: &'a CStr,
    pub propagation: u32,
    pub flags: u32,
}

impl Settings<'_> {
    fn resolve_flags(&self) -> ResolveFlags {
        if self.flags & mount_flags::NO_SYMLINKS != 0 {
            ResolveFlags::NO_SYMLINKS
        } else {
            ResolveFlags::empty()
        }
    }
}

/// fsopen(2), fsconfig(2), fsmount(2), move_mount(2).
pub fn filesystem(
    root: BorrowedFd<'_>,
    settings: &Settings<'_>,
    fstype: &CStr,
    source: &CStr,
    parameters: Texts<'_>,
    attributes: u64,
) -> Outcome {
    let flags = settings.resolve_flags();
    let (target, made) = resolve::find_or_make(root, settings.target, Kind::Directory, flags)?;
    refuse_procfs(&target, settings)?;
    if parameters.clone().any(|parameter| parameter.count_bytes() >= legacy::FSCONFIG_VALUE) {
        return legacy::filesystem(target.as_fd(), fstype, source, parameters, attributes);
    }
    let or_hosts = settings.flags & mount_flags::OR_HOSTS != 0;
    let context = match mount::fsopen(fstype, FsOpenFlags::FSOPEN_CLOEXEC) {
        Err(Errno::PERM) if or_hosts => return hosts_sysfs(&target, settings, attributes),
        opened => opened.at(At::FilesystemType)?,
    };
    if !source.is_empty() {
        mount::fsconfig_set_string(&context, c"source", source).at(At::Parameter)?;
    }
    for parameter in parameters {
        set_parameter(&context, parameter)
            .map_err(|errno| Failure::new(At::Parameter, errno).with_text(parameter.to_bytes()))?;
    }
    // A directory of our own making has nobody's mode: the file system's default then, as in runc.
    if settings.flags & mount_flags::MODE_OF_TARGET != 0 && !made {
        copy_mode(&context, &target)?;
    }
    match mount::fsconfig_create(&context) {
        Err(Errno::PERM) if or_hosts => return hosts_sysfs(&target, settings, attributes),
        created => created.map_err(|errno| kernels_words(&context, errno))?,
    }
    let copy_up = settings.flags & mount_flags::COPY_UP != 0;
    // What is copied into has to be writable until then.
    let at_once = if copy_up { attributes & !sys::MOUNT_ATTR_RDONLY } else { attributes };
    let at_once = MountAttrFlags::from_bits_retain(at_once as u32);
    let tree = mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, at_once)
        .at(At::CreateFilesystem)?;
    attach(&tree, &target)?;
    if copy_up {
        copy::tree(&target, &tree)?;
        let set = attributes & sys::MOUNT_ATTR_RDONLY;
        change(&tree, MountAttr { set, ..Default::default() }, false).at(At::Attributes)?;
    }
    propagate(&tree, settings.propagation)
}

/// What a container without a network namespace of its own gets for a sysfs: the host's with all that is mounted
/// in it, every part of it read-only.
fn hosts_sysfs(target: &OwnedFd, settings: &Settings<'_>, attributes: u64) -> Outcome {
    let tree = clone_tree(CWD, c"/sys", true).at(At::OpenSource)?;
    let set = attributes | sys::MOUNT_ATTR_RDONLY;
    change(&tree, MountAttr { set, ..Default::default() }, true).at(At::Attributes)?;
    attach(&tree, target)?;
    propagate(&tree, settings.propagation)
}

/// open_tree(2) of a path of the host. What this process may not reach, the library has opened: it is only taken
/// then, for the container could change its attributes, which the kernel locks in a tree that is opened here.
pub fn open_source(
    source: &CStr,
    recursive: bool,
    outer: Option<BorrowedFd<'static>>,
) -> Result<OwnedFd, Failure> {
    match (clone_tree(CWD, source, recursive), outer) {
        (Err(Errno::ACCESS), Some(outer)) => outer.try_clone_to_owned().at(At::OpenSource),
        (opened, _) => opened.at(At::OpenSource),
    }
}

/// A detached tree, onto its target. Its attributes change once it is attached, by its descriptor: then the change is that
/// of this mount and not of its peers, and what is at the path by then does not matter.
pub fn tree(
    root: BorrowedFd<'_>,
    settings: &Settings<'_>,
    tree: BorrowedFd<'_>,
    own: MountAttr,
    below: MountAttr,
) -> Outcome {
    place(root, settings, tree)?;
    change(tree, own, false).at(At::Attributes)?;
    change(tree, below, true).at(At::Attributes)?;
    propagate(tree, settings.propagation)
}

/// move_mount(2) of a detached tree onto its target.
fn place(root: BorrowedFd<'_>, settings: &Settings<'_>, tree: BorrowedFd<'_>) -> Outcome {
    let kind = kind_of(tree).at(At::OpenSource)?;
    let target = resolve::target(root, settings.target, kind, settings.resolve_flags())?;
    refuse_procfs(&target, settings)?;
    attach(tree, &target)
}

/// mount_setattr(2) on the mount at a path.
pub fn set_attributes(root: BorrowedFd<'_>, path: &CStr, set: u64) -> Outcome {
    let mount = resolve::open(root, path, OFlags::PATH, ResolveFlags::empty()).at(At::Resolve)?;
    let attr = MountAttr { set, ..Default::default() };
    change(&mount, attr, false).at(At::Attributes)
}

/// mount_setattr(2) on an attached mount; before Linux 5.12 what mount(2) can do of it.
pub fn change(mounted: impl AsFd, attr: MountAttr, recursive: bool) -> Result<(), Errno> {
    match sys::mount_setattr(mounted.as_fd(), attr, recursive) {
        Err(Errno::NOSYS) => legacy::change(mounted.as_fd(), attr, recursive),
        result => result,
    }
}

/// A detached copy of a mount, and with `recursive` of those below it.
pub fn clone_tree(
    directory: BorrowedFd<'_>,
    path: &CStr,
    recursive: bool,
) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    if path.is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    mount::open_tree(directory, path, flags)
}

/// move_mount(2) between two descriptors.
pub fn attach(tree: impl AsFd, target: &OwnedFd) -> Outcome {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    mount::move_mount(tree, c"", target, c"", flags).at(At::Attach)
}

/// mount(2) with one of MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE, perhaps with MS_REC.
pub fn propagation_of_slash(flags: u32) -> Result<(), Errno> {
    mount::mount_change(c"/", MountPropagationFlags::from_bits_retain(flags))
}

/// The type of what a tree shows at its top.
fn kind_of(tree: BorrowedFd<'_>) -> Result<Kind, Errno> {
    let mode = fs::fstat(tree)?.st_mode;
    Ok(match FileType::from_raw_mode(mode) {
        FileType::Directory => Kind::Directory,
        _ => Kind::File,
    })
}

/// A mount inside a procfs could swallow what is written to it (CVE-2019-16884).
fn refuse_procfs(target: &OwnedFd, settings: &Settings<'_>) -> Outcome {
    if settings.flags & mount_flags::IN_PROC != 0 {
        return Ok(());
    }
    let found = fs::fstatfs(target).at(At::Resolve)?;
    if found.f_type == fs::PROC_SUPER_MAGIC {
        return Err(Failure::new(At::InProc, Errno::PERM));
    }
    Ok(())
}

pub fn set_parameter(context: &OwnedFd, parameter: &CStr) -> Result<(), Errno> {
    let bytes = parameter.to_bytes_with_nul();
    let Some(equals) = bytes.iter().position(|byte| *byte == b'=') else {
        return mount::fsconfig_set_flag(context, parameter);
    };
    let mut key = Buffer::new();
    key.push(&bytes[..equals])?;
    let value = CStr::from_bytes_with_nul(&bytes[equals + 1..]).map_err(|_| Errno::INVAL)?;
    mount::fsconfig_set_string(context, key.as_c_str(), value)
}

#[inline(never)]
fn copy_mode(context: &OwnedFd, target: &OwnedFd) -> Outcome {
    let mode = fs::fstat(target).at(At::Resolve)?.st_mode & 0o7777;
    let mut text = Buffer::new();
    text.push_octal(mode).at(At::Parameter)?;
    mount::fsconfig_set_string(context, c"mode", text.as_c_str()).at(At::Parameter)
}

/// What the kernel wrote into the context's log, which says more than the errno.
pub fn kernels_words(context: &OwnedFd, errno: Errno) -> Failure {
    let mut text = [0u8; 200];
    let length = rustix::io::read(context, &mut text).unwrap_or(0);
    Failure::new(At::CreateFilesystem, errno).with_text(&text[..length])
}

pub fn propagate(tree: impl AsFd, propagation: u32) -> Outcome {
    if propagation == 0 {
        return Ok(());
    }
    let recursive = propagation & sys::MS_REC != 0;
    let attr =
        MountAttr { propagation: u64::from(propagation & !sys::MS_REC), ..Default::default() };
    change(tree, attr, recursive).at(At::SetPropagation)
}
