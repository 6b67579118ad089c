//! The `schemata` file: a line per resource, `L3:0=fff;1=fff`.

use super::error::{Doing, RdtError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const FILE: &str = "schemata";

/// Writes all lines at once; what they do not name stays as it is.
pub(super) fn write(class: &Path, lines: &[String]) -> Result<(), RdtError> {
    if lines.is_empty() {
        return Ok(());
    }
    let file = class.join(FILE);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&file, text).map_err(|source| RdtError::new(Doing::Write, &file, source))
}

/// The lines of the class for the resources that `of` has lines for.
pub(super) fn read(class: &Path, of: &[String]) -> Result<Vec<String>, RdtError> {
    let file = class.join(FILE);
    let text =
        fs::read_to_string(&file).map_err(|source| RdtError::new(Doing::Read, &file, source))?;
    let resource = |line: &str| line.split(':').next().unwrap_or_default().trim().to_owned();
    let wanted: Vec<_> = of.iter().map(|line| resource(line)).collect();
    let lines = text.lines().filter(|line| wanted.contains(&resource(line)));
    Ok(lines.map(|line| line.trim().to_owned()).collect())
}

/// Sees that an existing class is as the lines want it.
pub(super) fn compare(class: &Path, lines: &[String]) -> Result<(), RdtError> {
    if lines.is_empty() {
        return Ok(());
    }
    let file = class.join(FILE);
    let text =
        fs::read_to_string(&file).map_err(|source| RdtError::new(Doing::Read, &file, source))?;
    let is: BTreeMap<&str, BTreeMap<&str, &str>> = text.lines().filter_map(parse).collect();
    for line in lines {
        let same = parse(line).is_some_and(|(resource, domains)| {
            let known = is.get(resource);
            domains.iter().all(|(id, value)| known.is_some_and(|k| k.get(id) == Some(value)))
        });
        if !same {
            return Err(RdtError::Differs { path: file, wanted: line.clone() });
        }
    }
    Ok(())
}

/// The resource, and the value of each domain; the kernel pads with blanks and zeros.
fn parse(line: &str) -> Option<(&str, BTreeMap<&str, &str>)> {
    let (resource, domains) = line.split_once(':')?;
    let domains = domains.split(';').map(|domain| {
        let (id, value) = domain.split_once('=')?;
        let value = value.trim().trim_start_matches('0');
        Some((id.trim(), value))
    });
    Some((resource.trim(), domains.collect::<Option<_>>()?))
}
