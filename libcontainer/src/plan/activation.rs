//! What a service manager gives the container's program: sockets to serve (sd_listen_fds(3)) and one to say that it
//! is ready (sd_notify(3)).

use super::namespaces::{Namespace, Namespaces};
use super::{Descriptor, Host, Plan, PlanError, Request, Script, known_text, text};
use caps::Capability;
use creel_wire::owned::Step;
use oci_spec::runtime::Process;
use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt;

/// Where the program finds the socket, and what it is called in its directory.
const NOTIFY_DIRECTORY: &str = "run/notify";
/// MOUNT_ATTR_*: read-only, nosuid, nodev, noexec.
pub(crate) const NOTIFY_ATTRIBUTES: u64 = 1 | 2 | 4 | 8;
const NOTIFY_SOCKET: &str = "/run/notify/notify.sock";

/// The container's process with the variables that go with what it is given; they win over those of config.json.
pub(super) fn with_variables<'a>(
    mut process: Cow<'a, Process>,
    request: &Request,
    spaces: &Namespaces,
) -> Cow<'a, Process> {
    let notifies = can_notify(request, spaces);
    if !notifies && request.listen_fds == 0 {
        return process;
    }
    let mut env = process.env().clone().unwrap_or_default();
    if notifies {
        env.push(format!("NOTIFY_SOCKET={NOTIFY_SOCKET}"));
    }
    if request.listen_fds > 0 {
        env.push(format!("LISTEN_FDS={}", request.listen_fds));
        env.extend(request.listen_fd_names.iter().map(|names| format!("LISTEN_FDNAMES={names}")));
        // Elsewhere creel-init says which pid it has.
        env.retain(|variable| !variable.starts_with("LISTEN_PID="));
        env.extend(spaces.is_new(Namespace::Pid).then(|| "LISTEN_PID=1".to_owned()));
    }
    process.to_mut().set_env(Some(env));
    process
}

/// The mount of the socket's directory: the socket itself is made when somebody waits for word.
pub(super) fn mount(
    script: &mut Script,
    request: &Request,
    spaces: &Namespaces,
    host: &Host,
) -> Result<(), PlanError> {
    let Some(directory) = &request.notify else { return Ok(()) };
    let target = known_text(NOTIFY_DIRECTORY);
    if !can_notify(request, spaces) {
        script.warnings.push(
            "NOTIFY_SOCKET is not handed on: without a mount namespace there is no place for it"
                .to_owned(),
        );
    } else if host.has(Capability::CAP_SYS_ADMIN) {
        // Whom the container's root is, may not get to the state root.
        let tree = script.slot(Descriptor::NotifyDirectory);
        let step = Step::MountTree {
            target,
            tree,
            set: NOTIFY_ATTRIBUTES,
            clear: 0,
            recursive_set: 0,
            recursive_clear: 0,
            propagation: 0,
            flags: 0,
        };
        script.push("", step);
    } else {
        // A user makes no mounts outside; inside they are the root of their container.
        let source = text("NOTIFY_SOCKET", directory.as_os_str().as_bytes())?;
        script.push(
            "",
            Step::MountBind {
                target,
                source,
                recursive: false,
                set: NOTIFY_ATTRIBUTES,
                clear: 0,
                recursive_set: 0,
                recursive_clear: 0,
                propagation: 0,
                flags: 0,
            },
        );
    }
    Ok(())
}

/// Whether creel-init binds the directory by its path, and no descriptor of it is opened.
pub(crate) fn binds_notify_directory(plan: &Plan) -> bool {
    plan.inside.iter().any(|planned| {
        matches!(&planned.step, Step::MountBind { target, .. }
            if planned.origin.is_empty() && *target == known_text(NOTIFY_DIRECTORY))
    })
}

/// Just before the program: its pid is the one that creel-init has.
pub(super) fn listen_pid(script: &mut Script, request: &Request, spaces: &Namespaces) {
    if request.listen_fds > 0 && !spaces.is_new(Namespace::Pid) {
        script.push("", Step::ListenPid {});
    }
}

fn can_notify(request: &Request, spaces: &Namespaces) -> bool {
    request.notify.is_some() && spaces.has(Namespace::Mount)
}
