//! Device nodes and the links of /dev.

use super::{PlanError, Script, inside_path, inside_path_at, item, known_text, text};
use creel_wire::owned::Step;
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType, Mount, Spec};

const S_IFMT: u32 = 0o170_000;
const S_IFCHR: u32 = 0o020_000;
const S_IFBLK: u32 = 0o060_000;
const S_IFIFO: u32 = 0o010_000;

/// Runtime spec, "Default Devices": name, major, minor.
const DEFAULTS: [(&str, u32, u32); 6] = [
    ("dev/null", 1, 3),
    ("dev/zero", 1, 5),
    ("dev/full", 1, 7),
    ("dev/random", 1, 8),
    ("dev/urandom", 1, 9),
    ("dev/tty", 5, 0),
];

/// Runtime spec, "Dev symbolic links": name, target.
const LINKS: [(&str, &str); 5] = [
    // Not in the spec, but runc makes it.
    ("dev/core", "/proc/kcore"),
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
];

/// How devices come into a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// mknod(2).
    Make,
    /// In a user namespace nobody may make devices: there the host's are bound.
    Bind,
    /// Nor can they be bound without a mount namespace.
    No,
}

impl How {
    pub(super) fn of(in_user_namespace: bool, mount_namespace: bool) -> Self {
        match (in_user_namespace, mount_namespace) {
            (false, _) => How::Make,
            (true, true) => How::Bind,
            (true, false) => How::No,
        }
    }
}

/// Nothing is made in a /dev that is a bind of somebody else's.
pub(super) fn plan(script: &mut Script, spec: &Spec, how: How) -> Result<(), PlanError> {
    if spec.mounts().iter().flatten().any(is_bound_dev) {
        return Ok(());
    }
    let listed = spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
    let mut own = Vec::new();
    for (index, device) in listed.into_iter().flatten().enumerate() {
        let origin = item("linux.devices", index);
        let step = node(&origin, device)?;
        if let Step::Device { path, .. } = &step {
            own.push(path.display());
        }
        let source = device.path().to_string_lossy();
        let step = match how {
            How::Make => step,
            How::Bind => bound(step, &source)?,
            How::No if is_fifo(&step) => step,
            How::No => {
                return Err(PlanError::Unsupported {
                    json_path: origin,
                    found: source.into_owned(),
                    allowed: "in a user namespace it needs a mount namespace too",
                });
            }
        };
        script.push(origin, step);
    }
    for (name, major, minor) in DEFAULTS {
        // What config.json lists replaces the default of the same name.
        if how != How::No && !own.iter().any(|path| path == name) {
            let (path, mode) = (known_text(name), S_IFCHR | 0o666);
            let step = Step::Device { path, mode, major, minor, uid: 0, gid: 0 };
            let step = if how == How::Bind { bound(step, &format!("/{name}"))? } else { step };
            script.push("", step);
        }
    }
    for (name, target) in LINKS {
        let (path, target) = (known_text(name), known_text(target));
        script.push("", Step::Symlink { path, target, replace: false });
    }
    let (path, target) = (known_text("dev/ptmx"), known_text("pts/ptmx"));
    script.push("", Step::Symlink { path, target, replace: true });
    Ok(())
}

fn is_fifo(step: &Step) -> bool {
    matches!(step, Step::Device { mode, .. } if mode & S_IFMT == S_IFIFO)
}

/// The same device, bound from the host's node; a fifo can be made by anybody.
fn bound(step: Step, source: &str) -> Result<Step, PlanError> {
    match step {
        Step::Device { path, mode, .. } if mode & S_IFMT != S_IFIFO => Ok(Step::MountBind {
            target: path,
            source: text("linux.devices", source)?,
            recursive: false,
            set: 0,
            clear: 0,
            recursive_set: 0,
            recursive_clear: 0,
            propagation: 0,
            flags: 0,
        }),
        step => Ok(step),
    }
}

fn is_bound_dev(mount: &Mount) -> bool {
    let options = mount.options().iter().flatten();
    let bound = options.into_iter().any(|option| matches!(option.as_str(), "bind" | "rbind"));
    let destination = mount.destination().to_string_lossy();
    bound && destination.trim_matches('/') == "dev"
}

fn node(origin: &str, device: &LinuxDevice) -> Result<Step, PlanError> {
    let kind = match device.typ() {
        LinuxDeviceType::C | LinuxDeviceType::U => S_IFCHR,
        LinuxDeviceType::B => S_IFBLK,
        LinuxDeviceType::P => S_IFIFO,
        LinuxDeviceType::A => {
            return Err(PlanError::Unsupported {
                json_path: format!("{origin}.type"),
                found: "a".to_owned(),
                allowed: "use c, u, b or p",
            });
        }
    };
    let number = |name: &str, value: i64| {
        u32::try_from(value).map_err(|_| PlanError::Unsupported {
            json_path: format!("{origin}.{name}"),
            found: value.to_string(),
            allowed: "use a device number that is not negative",
        })
    };
    Ok(Step::Device {
        path: inside_path_at(|| format!("{origin}.path"), &device.path().to_string_lossy())?,
        mode: kind | (device.file_mode().unwrap_or(0o666) & 0o7777),
        major: number("major", device.major())?,
        minor: number("minor", device.minor())?,
        uid: device.uid().unwrap_or(0),
        gid: device.gid().unwrap_or(0),
    })
}

/// A link that the mounts need, at a place of the container.
pub(super) fn link(path: &str, target: &str) -> Result<Step, PlanError> {
    let path = inside_path("mounts", path)?;
    Ok(Step::Symlink { path, target: text("mounts", target)?, replace: true })
}
