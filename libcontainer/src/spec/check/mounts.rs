//! `mounts` (config.md, Mounts).

use oci_spec::runtime::{Mount, Spec};
use std::fmt;

use super::{CheckError, identity, text};
use crate::spec::warning::{Warning, Warnings};

pub(super) fn check(spec: &Spec, warnings: &mut Warnings) -> Result<(), CheckError> {
    for (index, mount) in spec.mounts().iter().flatten().enumerate() {
        one(mount, format_args!("mounts[{index}]"), warnings)?;
    }
    Ok(())
}

fn one(mount: &Mount, at: fmt::Arguments<'_>, warnings: &mut Warnings) -> Result<(), CheckError> {
    destination(mount, at, warnings)?;
    strings(mount, at)?;
    mappings(mount, at)
}

fn destination(
    mount: &Mount,
    at: fmt::Arguments<'_>,
    warnings: &mut Warnings,
) -> Result<(), CheckError> {
    let destination = mount.destination();
    let path = || format!("{at}.destination");
    if destination.as_os_str().is_empty() {
        return Err(CheckError::missing(path(), "an absolute path in the container"));
    }
    text::no_nul_path_at(path, destination)?;
    if !destination.is_absolute() {
        let destination = destination.display().to_string();
        warnings.push(Warning::RelativeDestination { path: path(), destination });
    }
    Ok(())
}

fn strings(mount: &Mount, at: fmt::Arguments<'_>) -> Result<(), CheckError> {
    if let Some(source) = mount.source() {
        text::no_nul_path_at(|| format!("{at}.source"), source)?;
    }
    if let Some(kind) = mount.typ() {
        text::no_nul_at(|| format!("{at}.type"), kind)?;
    }
    for (index, option) in mount.options().iter().flatten().enumerate() {
        text::no_nul_at(|| format!("{at}.options[{index}]"), option)?;
    }
    Ok(())
}

/// An id-mapped mount needs both maps (config.md: `uidMappings` and `gidMappings` together).
fn mappings(mount: &Mount, at: fmt::Arguments<'_>) -> Result<(), CheckError> {
    let uids = mount.uid_mappings().as_deref().unwrap_or_default();
    let gids = mount.gid_mappings().as_deref().unwrap_or_default();
    if uids.is_empty() && gids.is_empty() {
        return Ok(());
    }
    identity::mappings(uids, &format!("{at}.uidMappings"))?;
    identity::mappings(gids, &format!("{at}.gidMappings"))?;
    match (uids.is_empty(), gids.is_empty()) {
        (false, true) => Err(CheckError::missing(format!("{at}.gidMappings"), BOTH)),
        (true, false) => Err(CheckError::missing(format!("{at}.uidMappings"), BOTH)),
        _ => Ok(()),
    }
}

const BOTH: &str = "given together with the other mapping of the mount";
