//! The bundles: one root file system of busybox, and a config.json per runtime and program that
//! differ in nothing but the arguments and the cgroup's name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::args::Options;
use crate::container::{Container, root};
use crate::error::{At, Error};
use crate::runtime::{FLOOR, Runtime};
use crate::stage::Stage;

const BUSYBOX: &str = "/bin/busybox";
const APPLETS: [&str; 6] = ["cat", "ls", "readlink", "sh", "sleep", "true"];
const DIRECTORIES: [&str; 6] = ["bin", "dev", "etc", "proc", "sys", "tmp"];

/// What runs in a container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Program {
    /// Ends at once.
    True,
    /// Sits there for `exec`, `state`, `kill` and `list`.
    Idle,
    /// Ends with 42: the exit code has to come back.
    Code42,
    /// Prints what the container is like.
    Look,
    /// Ends at once, under the seccomp profile.
    Filtered,
    /// Ends at once, with a list of devices.
    Devices,
    /// Ends with 42 if the devices of the list are there.
    LookForDevices,
}

impl Program {
    const ALL: [Self; 7] = [
        Self::True,
        Self::Idle,
        Self::Code42,
        Self::Look,
        Self::Filtered,
        Self::Devices,
        Self::LookForDevices,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::Idle => "idle",
            Self::Code42 => "code",
            Self::Look => "look",
            Self::Filtered => "filtered",
            Self::Devices => "devices",
            Self::LookForDevices => "look-for-devices",
        }
    }

    pub(crate) fn args(self) -> &'static [&'static str] {
        match self {
            Self::True | Self::Filtered | Self::Devices => &["/bin/true"],
            Self::Idle => &["/bin/sleep", "1000000"],
            Self::Code42 => &["/bin/sh", "-c", "exit 42"],
            Self::LookForDevices => {
                &["/bin/sh", "-c", "test -c /dev/fuse && test -c /dev/net/tun && exit 42"]
            }
            Self::Look => &[
                "/bin/sh",
                "-c",
                "cat /proc/self/mountinfo; ls -1 /dev; \
                for i in mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$i; done",
            ],
        }
    }
}

pub(crate) fn write_all(
    stage: &Stage,
    runtimes: &[Runtime],
    options: &Options,
) -> Result<(), Error> {
    write_rootfs(&stage.rootfs())?;
    let config = config(options)?;
    for name in runtimes.iter().map(|runtime| runtime.name.as_str()).chain([FLOOR]) {
        let root = root(stage, name);
        fs::create_dir_all(&root).at("make", root)?;
    }
    let profile = options.seccomp.as_deref().map(read_json).transpose()?;
    let devices = read_json(&options.source.join("bundle/devices.json"))?;
    for runtime in runtimes {
        for program in Program::ALL {
            let mut config = config.clone();
            if let (Program::Filtered, Some(profile)) = (program, &profile) {
                config["linux"]["seccomp"] = profile["linux"]["seccomp"].clone();
            }
            if matches!(program, Program::Devices | Program::LookForDevices) {
                merge(&mut config, &devices);
            }
            write(stage, &Container::new(stage, runtime, program), config)?;
        }
    }
    Ok(())
}

fn write_rootfs(rootfs: &Path) -> Result<(), Error> {
    for name in DIRECTORIES {
        let path = rootfs.join(name);
        fs::create_dir_all(&path).at("make", path)?;
    }
    let busybox = rootfs.join("bin/busybox");
    fs::copy(BUSYBOX, &busybox).at("copy (Debian's busybox-static has it)", BUSYBOX)?;
    for name in APPLETS {
        let path = rootfs.join("bin").join(name);
        symlink("busybox", &path).at("link", path)?;
    }
    Ok(())
}

/// The bundle's config.json with the user's patch, without what differs from container to container.
pub(crate) fn config(options: &Options) -> Result<Value, Error> {
    let mut config = read_json(&options.source.join("bundle/config.json"))?;
    if let Some(path) = &options.merge {
        merge(&mut config, &read_json(path)?);
    }
    Ok(config)
}

fn read_json(path: &Path) -> Result<Value, Error> {
    let text = fs::read_to_string(path).at("read", path)?;
    serde_json::from_str(&text).map_err(|source| Error::Json { path: path.into(), source })
}

/// Makes the bundle of a container.
pub(crate) fn write(
    stage: &Stage,
    container: &Container<'_>,
    mut config: Value,
) -> Result<(), Error> {
    config["process"]["args"] = json!(container.program());
    config["root"]["path"] = json!(stage.rootfs());
    config["linux"]["cgroupsPath"] = json!(format!("/{}/{}", stage.cgroup, container.id()));
    let directory = container.bundle();
    fs::create_dir_all(&directory).at("make", &directory)?;
    let path = directory.join("config.json");
    fs::write(&path, format!("{config:#}")).at("write", path)
}

/// JSON merge patch, RFC 7396: objects merge, null removes, all else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().map(|object| object.remove(key));
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merge_patch_as_in_rfc_7396() {
        let mut config = json!({"linux": {"maskedPaths": ["/a"], "sysctl": {"x": "1"}}, "h": "n"});
        let patch = json!({"linux": {"maskedPaths": null, "seccomp": {"defaultAction": "A"}}});
        merge(&mut config, &patch);
        let expected = json!({
            "linux": {"sysctl": {"x": "1"}, "seccomp": {"defaultAction": "A"}}, "h": "n"
        });
        assert_eq!(config, expected);
    }
}
