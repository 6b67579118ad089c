//! The script of a start: what creel-init does, in the order in which it has to be done, and why.

use super::capabilities::Sets;
use super::id_maps::{IdMaps, MapWriter, MapWriters};
use super::ids;
use super::namespaces::{Namespace, Namespaces};
use super::net_devices::NetDevices;
use super::placement::{self, Surroundings};
use super::process::{Identity, Limit};
use super::rdt::Rdt;
use super::{
    Descriptor, Host, Plan, PlanError, Planned, Request, Script, activation, cgroup_owner, devices,
    hooks, inside_path, item, labels, mounts, process, seccomp, text, time,
};
use crate::cgroups;
use caps::Capability;
use creel_wire::owned::Step;
use oci_spec::runtime::{Process, Spec};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

const MS_REC: u32 = 0x4000;
const MS_SLAVE: u32 = 0x8_0000;
const MS_PRIVATE: u32 = 0x4_0000;

pub(super) fn plan(spec: &Spec, request: &Request, host: &Host) -> Result<Plan, PlanError> {
    let namespaces = Namespaces::of(spec);
    let id_maps = IdMaps::of(spec, &namespaces);
    let map_writers = MapWriters::of(id_maps.as_ref(), host);
    let net_devices = NetDevices::of(spec, &namespaces)?;
    let rdt = Rdt::of(spec, &request.id)?;
    let mut cgroup = plan_cgroup(spec, request, host, &namespaces)?;
    cgroup.owner = cgroup_owner::of(spec, &namespaces, &host.cgroups);
    let process = spec.process().as_ref().map_or_else(Cow::default, Cow::Borrowed);
    let process = activation::with_variables(process, request, &namespaces);
    if let Some(maps) = &id_maps {
        ids::check(spec, maps, map_writers.groups == MapWriter::CallerWithoutGroups)?;
    }
    // systemd wants a process to put into the cgroup that it makes.
    let is_v2 = matches!(host.cgroups, cgroups::Layout::V2 { .. });
    let clone_into_cgroup = is_v2 && cgroup.unit.is_none() && !cgroup.directories.is_empty();
    let mut script = Script::new();
    script.warnings.extend(cgroup.ignored.iter().map(ToString::to_string));

    let moved_in = net_devices.is_some() || rdt.is_some();
    // What joins is not dumpable, and its files in /proc are root's from then on.
    let scored =
        process.oom_score_adj().is_some() && !namespaces.joined.is_empty() && host.user.0 != 0;
    let maps_first = namespaces.is_new(Namespace::User) && !namespaces.makes_user_late();
    let admitted = !clone_into_cgroup || maps_first || moved_in || scored;
    let entering = Entering {
        admitted,
        privileged: host.has(Capability::CAP_SYS_ADMIN),
        net_devices: net_devices.is_some(),
    };
    enter(&mut script, request, &namespaces, &entering);
    time::plan(&mut script, spec, &namespaces);
    name(&mut script, spec, &namespaces)?;
    let root = Root { request, host, namespaces: &namespaces, cgroup: &cgroup, process: &process };
    let Built { create_hooks, closing } = build_root(&mut script, spec, &root)?;
    close_root(&mut script, spec, closing)?;
    let filter = seccomp::compile(spec)?;
    let grantable = host.grantable(namespaces.has(Namespace::User));
    let mut identity = Identity::of(&process, grantable)?;
    seccomp::keep_right(&mut identity.capabilities, filter.as_ref(), &process, grantable);
    script.warnings.extend(identity.warnings.iter().cloned());
    let outer_limits = namespaces.has(Namespace::User);
    labels::plan(&mut script, &process)?;
    let surroundings = Surroundings::of(spec.linux().as_ref());
    let outer_scheduling = placement::outer_scheduling(namespaces.has(Namespace::User), host);
    placement::plan(&mut script, &process, &surroundings, outer_scheduling)?;
    become_process(&mut script, &process, &identity, outer_limits)?;
    wait_for_start(&mut script, spec, request)?;
    activation::listen_pid(&mut script, request, &namespaces);
    seccomp::install(&mut script, filter.as_ref());
    execute(&mut script, &process)?;
    if script.opens_devices {
        cgroup.delay_device_rules();
    }

    Ok(Plan {
        new_namespaces: namespaces.new.clone(),
        cloned_namespaces: namespaces.cloned(),
        second_process: namespaces.needs_second_process(),
        id_maps,
        map_writers,
        late_maps: namespaces.makes_user_late(),
        awaits_admission: admitted,
        joined_namespaces: namespaces.joined,
        net_devices,
        rdt,
        cgroup,
        opens_devices: script.opens_devices,
        clone_into_cgroup,
        outer_limits: if outer_limits { process::outer_limits(&process) } else { Vec::new() },
        outer_scheduling: if outer_scheduling {
            placement::scheduling(&process)
        } else {
            Vec::new()
        },
        oom_score_adj: process.oom_score_adj(),
        create_hooks,
        listener: filter.and_then(|filter| filter.listener),
        descriptors: script.descriptors,
        inside: script.steps,
        terminal: process.terminal().unwrap_or(false),
        warnings: script.warnings,
    })
}

/// What the root file system is made from.
struct Root<'a> {
    request: &'a Request,
    host: &'a Host,
    namespaces: &'a Namespaces,
    cgroup: &'a cgroups::Plan,
    process: &'a Process,
}

fn plan_cgroup(
    spec: &Spec,
    request: &Request,
    host: &Host,
    namespaces: &Namespaces,
) -> Result<cgroups::Plan, PlanError> {
    let without_rules = needs_no_device_rules(host, namespaces);
    let linux = spec.linux().as_ref();
    let wanted = cgroups::Request {
        id: &request.id,
        cgroups_path: linux.and_then(|linux| linux.cgroups_path().as_deref()),
        resources: linux.and_then(|linux| linux.resources().as_ref()),
    };
    let annotations = spec.annotations().as_ref();
    let plan = match &request.systemd {
        _ if request.no_cgroups => cgroups::plan_none(&wanted),
        Some(maker) => cgroups::plan_systemd(&wanted, annotations, &host.cgroups, maker),
        None => cgroups::plan(&wanted, &host.cgroups, &host.own_cgroups)
            .and_then(|plan| plan.within(&host.cgroup_access, &host.own_cgroups, without_rules)),
    };
    let plan = plan.map_err(PlanError::Cgroup)?;
    Ok(cgroups::Plan { rootless: request.rootless && without_rules, ..plan })
}

/// Whether no device can be made in the container in any case: in a user namespace nobody makes one. Outside of one
/// a caller without these capabilities gets no further than to be told that he needs one.
fn needs_no_device_rules(host: &Host, namespaces: &Namespaces) -> bool {
    let has_rights = host.has(Capability::CAP_SYS_ADMIN) || host.has(Capability::CAP_MKNOD);
    namespaces.has(Namespace::User) || host.in_user_namespace || !has_rights
}

/// What decides how creel-init begins.
struct Entering {
    /// The library lets it go on.
    admitted: bool,
    /// It has rights over existing namespaces.
    privileged: bool,
    net_devices: bool,
}

/// First nothing of the caller may be left: descriptors, signals. Before anything that others are in is
/// joined, this process stops being dumpable, so that nobody there can trace it. The cgroup comes before
/// the cgroup namespace, which shows what its maker is in.
fn enter(script: &mut Script, request: &Request, namespaces: &Namespaces, entering: &Entering) {
    script.clock(request.traced);
    script.push("", Step::CloseFrom { first: 3 + request.preserve_fds });
    script.push("", Step::ResetSignals {});
    if entering.admitted {
        script.push("", Step::AwaitAdmission {});
    }
    if !namespaces.joined.is_empty() {
        script.push("", Step::NonDumpable {});
    }
    namespaces.join(script, entering.privileged, entering.net_devices);
    if namespaces.is_new(Namespace::Cgroup) {
        script.push("linux.namespaces", Step::Unshare { flags: Namespace::Cgroup.flag() });
    }
    script.push("", Step::NewSession {});
    script.push("", Step::ResetAffinity {});
    // A keyring of the container's own, or it would share the caller's keys.
    if !request.no_new_keyring {
        let name = text("", format!("_ses.{}", request.id)).unwrap_or_default();
        script.push("", Step::SessionKeyring { name });
    }
}

fn name(script: &mut Script, spec: &Spec, namespaces: &Namespaces) -> Result<(), PlanError> {
    if namespaces.is_new(Namespace::Network) {
        script.push("", Step::LoopbackUp {});
    }
    if !namespaces.has(Namespace::Uts) {
        return Ok(());
    }
    if let Some(hostname) = spec.hostname().as_ref().filter(|name| !name.is_empty()) {
        let name = text("hostname", hostname.as_str())?;
        script.push("hostname", Step::Hostname { name });
    }
    if let Some(domainname) = spec.domainname().as_ref().filter(|name| !name.is_empty()) {
        let name = text("domainname", domainname.as_str())?;
        script.push("domainname", Step::Domainname { name });
    }
    Ok(())
}

/// What is left to do once the root is built.
struct Built {
    /// Hooks of the runtime's namespaces that run before the pivot.
    create_hooks: Vec<hooks::Hook>,
    /// Mounts that become read-only.
    closing: Vec<Planned>,
}

/// Mounts and devices are made with umask 0, so that their modes are those that were asked for. Hooks see
/// the mounts, and the host's paths beside them: they run before the pivot takes the host away.
fn build_root(script: &mut Script, spec: &Spec, root: &Root<'_>) -> Result<Built, PlanError> {
    let Root { request, host, namespaces, cgroup, process } = *root;
    let in_user_namespace = namespaces.has(Namespace::User) || host.in_user_namespace;
    let root = rootfs(spec, &request.bundle);
    let path = text("root.path", root.into_os_string().into_encoded_bytes())?;
    script.push("", Step::Umask { mask: 0 });
    if namespaces.has(Namespace::Mount) {
        // One that is joined belongs to others, who have set its propagation.
        if namespaces.is_new(Namespace::Mount) {
            let flags = outer_propagation(spec)?;
            script.push("linux.rootfsPropagation", Step::Propagation { flags });
        }
        script.push("root.path", Step::Root { path });
    } else {
        script.push("root.path", Step::OpenRoot { path });
    }
    let closing =
        mounts::plan(script, spec, &mounts::Surroundings { request, cgroup, namespaces, host })?;
    activation::mount(script, request, namespaces, host)?;
    let has_mounts = namespaces.has(Namespace::Mount);
    devices::plan(script, spec, devices::How::of(in_user_namespace, has_mounts))?;
    // Not for hooks, whose files must not be everybody's.
    script.push("", Step::Umask { mask: 0o022 });
    let cwd = path_text(process.cwd());
    script.push("process.cwd", Step::MakeDirectory { path: inside_path("process.cwd", &cwd)? });

    let create_hooks = hooks::before_pivot(script, spec)?;
    script.push("root.path", leave_host(request, namespaces));
    if process.terminal().unwrap_or(false) {
        script.push("process.terminal", process::console(process, true));
    }
    Ok(Built { create_hooks, closing })
}

fn leave_host(request: &Request, namespaces: &Namespaces) -> Step {
    match (namespaces.has(Namespace::Mount), request.no_pivot) {
        (true, false) => Step::PivotRoot {},
        (true, true) => Step::MoveRoot {},
        (false, _) => Step::Chroot {},
    }
}

/// Sysctls while all rights are there; then everything that must not be writable is closed, the root last,
/// since the earlier steps make what is missing in it.
fn close_root(script: &mut Script, spec: &Spec, closing: Vec<Planned>) -> Result<(), PlanError> {
    let linux = spec.linux().as_ref();
    let mut sysctls: Vec<_> =
        linux.and_then(|l| l.sysctl().as_ref()).into_iter().flatten().collect();
    sysctls.sort();
    for (key, value) in sysctls {
        let origin = format!("linux.sysctl[{key:?}]");
        let path = inside_path(&origin, &format!("sys/{}", sysctl_path(key)))?;
        script.push(origin, Step::Sysctl { path, value: value.clone().into_bytes() });
    }
    let read_only = linux.and_then(|l| l.readonly_paths().as_ref()).into_iter().flatten();
    for (index, path) in read_only.enumerate() {
        let origin = item("linux.readonlyPaths", index);
        let path = inside_path(&origin, path)?;
        script.push(origin, Step::ReadonlyPath { path });
    }
    let masked = linux.and_then(|l| l.masked_paths().as_ref()).into_iter().flatten();
    for (index, path) in masked.enumerate() {
        let origin = item("linux.maskedPaths", index);
        let path = inside_path(&origin, path)?;
        script.push(origin, Step::MaskPath { path });
    }
    if let Some(flags) = inner_propagation(spec) {
        script.push("linux.rootfsPropagation", Step::RootPropagation { flags });
    }
    script.steps.extend(closing);
    if spec.root().as_ref().and_then(|root| root.readonly()).unwrap_or(false) {
        script.push("root.readonly", Step::ReadonlyRoot {});
    }
    Ok(())
}

/// Rights are given up from the outside in: the bounding set while there is CAP_SETPCAP, limits while
/// hard ones may be raised, then the ids, and the sets last, for they decide about all the others. The
/// directory is entered as root and checked as the user; the program is looked for as the user.
pub(super) fn become_process(
    script: &mut Script,
    process: &Process,
    identity: &Identity,
    outer_limits: bool,
) -> Result<(), PlanError> {
    let Sets { bounding, effective, permitted, inheritable, ambient } = identity.capabilities;
    if identity.home_missing {
        script.push("process.env", Step::Home { uid: process.user().uid() });
    }
    if process.no_new_privileges().unwrap_or(false) {
        script.push("process.noNewPrivileges", Step::NoNewPrivileges {});
    }
    // In a user namespace nobody may raise a hard limit: there the library sets them, from outside.
    if !outer_limits {
        let early = process::limits(process).into_iter().filter_map(Limit::early);
        early.for_each(|limit| script.push(limit.origin.clone(), limit.step()));
    }
    script.push("process.capabilities.bounding", Step::BoundingSet { keep: bounding });
    // Taken by its text, like the directory that was made: `..` leads to what is written before it.
    let cwd = inside_path("process.cwd", &path_text(process.cwd()))?;
    let cwd = text("process.cwd", format!("/{}", cwd.display()))?;
    script.push("process.cwd", Step::WorkingDirectory { path: cwd.clone() });
    script.push("process.user", process::user(process));
    script.stay_non_dumpable();
    script.push("process.cwd", Step::CheckWorkingDirectory { path: cwd });
    script.push(
        "process.capabilities",
        Step::Capabilities { effective, permitted, inheritable, ambient },
    );
    let mask = process.user().umask().unwrap_or(0o022);
    script.push("process.user.umask", Step::Umask { mask });
    let name = process.args().iter().flatten().next().map_or("", String::as_str);
    let name = text("process.args[0]", name)?;
    let path = process::search_path(&identity.environment);
    script.push("process.args[0]", Step::FindProgram { name, path: text("process.env", path)? });
    Ok(())
}

fn wait_for_start(script: &mut Script, spec: &Spec, request: &Request) -> Result<(), PlanError> {
    script.push("", Step::Ready {});
    if request.separate_start {
        let listener = script.slot(Descriptor::StartListener);
        script.push("", Step::AwaitStart { listener });
    }
    hooks::before_start(script, spec)
}

pub(super) fn execute(script: &mut Script, process: &Process) -> Result<(), PlanError> {
    let late = process::limits(process).into_iter().filter(Limit::is_late);
    late.for_each(|limit| script.push(limit.origin.clone(), limit.step()));
    let arguments = process::texts(format_args!("process.args"), process.args().iter().flatten())?;
    let environment = process::environment(process);
    let environment = process::texts(format_args!("process.env"), environment.iter())?;
    script.push("process.args", Step::Execute { arguments, environment });
    Ok(())
}

/// The root file system on the host.
fn rootfs(spec: &Spec, bundle: &Path) -> PathBuf {
    let default = PathBuf::from("rootfs");
    bundle.join(spec.root().as_ref().map_or(&default, |root| root.path()))
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Dots separate, unless the key is spelled with slashes: then dots belong to names (an interface's).
fn sysctl_path(key: &str) -> String {
    let first = key.find(['.', '/']);
    match first.map(|at| key.as_bytes()[at]) {
        Some(b'.') => key
            .chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            })
            .collect(),
        _ => key.to_owned(),
    }
}

/// Before the pivot the host's mounts must not learn of ours: shared and unbindable come after it.
fn outer_propagation(spec: &Spec) -> Result<u32, PlanError> {
    let asked = spec.linux().as_ref().and_then(|linux| linux.rootfs_propagation().as_deref());
    match asked {
        None
        | Some("" | "shared" | "rshared" | "slave" | "rslave" | "unbindable" | "runbindable") => {
            Ok(MS_REC | MS_SLAVE)
        }
        Some("private" | "rprivate") => Ok(MS_REC | MS_PRIVATE),
        Some(found) => Err(PlanError::Unsupported {
            json_path: "linux.rootfsPropagation".to_owned(),
            found: found.to_owned(),
            allowed: "use shared, slave, private or unbindable, or one of them with r in front",
        }),
    }
}

fn inner_propagation(spec: &Spec) -> Option<u32> {
    const MS_SHARED: u32 = 0x10_0000;
    const MS_UNBINDABLE: u32 = 0x2_0000;
    match spec.linux().as_ref()?.rootfs_propagation().as_deref()? {
        "shared" => Some(MS_SHARED),
        "rshared" => Some(MS_SHARED | MS_REC),
        "unbindable" => Some(MS_UNBINDABLE),
        "runbindable" => Some(MS_UNBINDABLE | MS_REC),
        _ => None,
    }
}
