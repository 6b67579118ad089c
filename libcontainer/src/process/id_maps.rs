//! Writing the id maps of a new user namespace, or having them written.

use crate::plan::{IdMap, IdMaps, MapWriter, MapWriters};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why the ids of a user namespace could not be mapped.
#[derive(Debug)]
pub enum IdMapError {
    /// A file of /proc.
    Write {
        /// `linux.uidMappings` or `linux.gidMappings`.
        json_path: &'static str,
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// There is no helper.
    NoHelper {
        /// `linux.uidMappings` or `linux.gidMappings`.
        json_path: &'static str,
        /// `newuidmap` or `newgidmap`.
        helper: &'static str,
    },
    /// The helper cannot be run.
    RunHelper {
        /// `linux.uidMappings` or `linux.gidMappings`.
        json_path: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The helper does not like the maps.
    Refused {
        /// `linux.uidMappings` or `linux.gidMappings`.
        json_path: &'static str,
        /// `newuidmap` or `newgidmap`.
        helper: &'static str,
        /// What it said.
        said: String,
    },
}

impl IdMapError {
    pub(crate) fn advice(&self) -> Option<&'static str> {
        Some(match self {
            IdMapError::NoHelper { .. } => {
                "install the package uidmap (shadow-utils), or map nothing but your own id, as creel spec --rootless does"
            }
            IdMapError::Refused { helper: "newuidmap", .. } => {
                "only your own id and your ranges in /etc/subuid can be mapped; root gives some with: usermod \
                 --add-subuids 100000-165535 USER"
            }
            IdMapError::Refused { .. } => {
                "only your own group and your ranges in /etc/subgid can be mapped; root gives some with: usermod \
                 --add-subgids 100000-165535 USER"
            }
            IdMapError::Write { source, .. } => match source.raw_os_error()? {
                libc::EPERM | libc::EACCES => {
                    return super::refusal::advice(source.raw_os_error()).or(Some(
                        "every hostID has to be an id of creel's own user namespace, and may be mapped only by \
                         who has CAP_SETUID and CAP_SETGID there",
                    ));
                }
                _ => return None,
            },
            IdMapError::RunHelper { .. } => return None,
        })
    }
}

impl fmt::Display for IdMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdMapError::Write { json_path, path, .. } => {
                write!(f, "{json_path}: cannot write {}", path.display())
            }
            IdMapError::NoHelper { json_path, helper } => write!(
                f,
                "{json_path}: mapping more than one's own id takes {helper}, which is not in PATH"
            ),
            IdMapError::RunHelper { json_path, path, .. } => {
                write!(f, "{json_path}: cannot run {}", path.display())
            }
            IdMapError::Refused { json_path, helper, said } => {
                write!(f, "{json_path}: {helper} refused it: {said}")
            }
        }
    }
}

impl std::error::Error for IdMapError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            IdMapError::Write { source, .. } | IdMapError::RunHelper { source, .. } => Some(source),
            IdMapError::NoHelper { .. } | IdMapError::Refused { .. } => None,
        }
    }
}

/// One of both maps.
struct Target<'a> {
    json_path: &'static str,
    file: &'static str,
    helper: &'static str,
    maps: &'a [IdMap],
}

/// Maps the ids of the user namespace that `pid` is in; each map can be written once
/// ([user_namespaces(7)](https://man7.org/linux/man-pages/man7/user_namespaces.7.html)).
pub(crate) fn write(pid: i32, maps: &IdMaps, writers: MapWriters) -> Result<(), IdMapError> {
    let users = Target {
        json_path: "linux.uidMappings",
        file: "uid_map",
        helper: "newuidmap",
        maps: &maps.users,
    };
    let groups = Target {
        json_path: "linux.gidMappings",
        file: "gid_map",
        helper: "newgidmap",
        maps: &maps.groups,
    };
    users.map(pid, writers.users)?;
    groups.map(pid, writers.groups)
}

impl Target<'_> {
    fn map(&self, pid: i32, writer: MapWriter) -> Result<(), IdMapError> {
        if self.maps.is_empty() {
            return Ok(());
        }
        match writer {
            MapWriter::Caller => self.write(pid, self.file, &IdMaps::text(self.maps)),
            MapWriter::CallerWithoutGroups => {
                // Otherwise members could leave a group that is denied something.
                self.write(pid, "setgroups", "deny")?;
                self.write(pid, self.file, &IdMaps::text(self.maps))
            }
            MapWriter::Helper => self.help(pid),
        }
    }

    fn write(&self, pid: i32, file: &str, text: &str) -> Result<(), IdMapError> {
        let path = PathBuf::from(format!("/proc/{pid}/{file}"));
        fs::write(&path, text).map_err(|source| IdMapError::Write {
            json_path: self.json_path,
            path,
            source,
        })
    }

    fn help(&self, pid: i32) -> Result<(), IdMapError> {
        let Self { json_path, helper, .. } = *self;
        let program = find(helper, &std::env::var_os("PATH").unwrap_or_default())
            .ok_or(IdMapError::NoHelper { json_path, helper })?;
        let mut command = Command::new(&program);
        command.arg(pid.to_string());
        for map in self.maps {
            command.args([map.container, map.host, map.size].map(|number| number.to_string()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        crate::sys::close_descriptors_at_exec(&mut command);
        let output = command.output().map_err(|source| IdMapError::RunHelper {
            json_path,
            path: program,
            source,
        })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> =
            said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said = match lines.is_empty() {
            true => output.status.to_string(),
            false => lines.join("; "),
        };
        Err(IdMapError::Refused { json_path, helper, said })
    }
}

/// The first program of this name in the directories of a PATH.
fn find(name: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    let is_program = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|path| is_program(path))
}
