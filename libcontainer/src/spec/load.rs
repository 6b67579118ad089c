//! Reading `config.json` of a bundle (bundle.md), and the process file of `exec`.

use std::{
    fmt,
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use oci_spec::runtime::{LinuxResources, Process, Spec};

use super::{
    parse::{ParseError, parse_process, parse_resources, parse_spec},
    warning::Warnings,
};

/// The largest configuration that is read, in bytes. Real ones have a few tens of kilobytes; the
/// cap keeps a wrong file (a device, a sparse image) from filling the memory.
pub const MAX_CONFIG_SIZE: u64 = 16 << 20;

/// A configuration and what was noticed while it was read.
#[derive(Debug)]
pub struct LoadedSpec {
    /// The configuration, not yet checked. It has 3 KB.
    pub spec: Box<Spec>,
    /// What was left out of it or is doubtful.
    pub warnings: Warnings,
}

/// A process and what was noticed while it was read.
#[derive(Debug)]
pub struct LoadedProcess {
    /// The process, not yet checked.
    pub process: Process,
    /// What was left out of it or is doubtful.
    pub warnings: Warnings,
}

/// Why a configuration could not be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The bundle is not there, or cannot be reached.
    Bundle {
        /// The bundle as it was named.
        bundle: PathBuf,
        /// Why it cannot be reached.
        source: io::Error,
    },
    /// The bundle is something else than a directory.
    BundleNotDirectory {
        /// The bundle as it was named.
        bundle: PathBuf,
    },
    /// The bundle has no `config.json`.
    NoConfig {
        /// The bundle as it was named.
        bundle: PathBuf,
        /// The error of opening it.
        source: io::Error,
    },
    /// The file could not be opened.
    Open {
        /// The file.
        file: PathBuf,
        /// The error of open(2).
        source: io::Error,
    },
    /// The file could not be read to its end.
    Read {
        /// The file.
        file: PathBuf,
        /// The error of read(2).
        source: io::Error,
    },
    /// The file has more than [`MAX_CONFIG_SIZE`] bytes.
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// The file's content is no configuration.
    Parse {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: ParseError,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle { bundle, .. } => write!(
                f,
                "cannot find the bundle {}, name its directory with --bundle",
                bundle.display()
            ),
            Self::BundleNotDirectory { bundle } => write!(
                f,
                "the bundle {} is not a directory, name the directory that holds config.json",
                bundle.display()
            ),
            Self::NoConfig { bundle, .. } => write!(
                f,
                "there is no config.json in the bundle {}, name another with --bundle \
                 or write one with the spec command",
                bundle.display()
            ),
            Self::Open { file, .. } => write!(f, "cannot open {}", file.display()),
            Self::Read { file, .. } => write!(f, "cannot read {}", file.display()),
            Self::TooLarge { file } => write!(
                f,
                "{} is larger than the {} MiB a configuration may have",
                file.display(),
                MAX_CONFIG_SIZE >> 20
            ),
            Self::Parse { file, .. } => write!(f, "cannot use {}", file.display()),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bundle { source, .. }
            | Self::NoConfig { source, .. }
            | Self::Open { source, .. }
            | Self::Read { source, .. } => Some(source),
            Self::Parse { source, .. } => Some(source),
            Self::BundleNotDirectory { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// Reads the `config.json` of the bundle directory; a relative path is relative to the current
/// directory.
///
/// # Errors
/// [`LoadError`] if there is no bundle or no `config.json`, or if it is not a configuration.
pub fn load(bundle: &Path) -> Result<LoadedSpec, LoadError> {
    load_seen(bundle, |_| ())
}

/// [`load`], whose text is shown before it is parsed.
pub(crate) fn load_seen(bundle: &Path, see: impl FnOnce(&[u8])) -> Result<LoadedSpec, LoadError> {
    let file = bundle.join("config.json");
    let opened = File::open(&file).map_err(|source| open_error(bundle, &file, source))?;
    read_spec(opened, file, see)
}

/// Reads a configuration that is no bundle's `config.json`, as `create --config` names one.
///
/// # Errors
/// [`LoadError`] if the file cannot be read or is not a configuration.
pub fn load_config(file: &Path) -> Result<LoadedSpec, LoadError> {
    let owned = || file.to_path_buf();
    let opened = File::open(file).map_err(|source| LoadError::Open { file: owned(), source })?;
    read_spec(opened, owned(), |_| ())
}

fn read_spec(
    opened: File,
    file: PathBuf,
    see: impl FnOnce(&[u8]),
) -> Result<LoadedSpec, LoadError> {
    let text = read_capped(opened, &file)?;
    see(&text);
    let parsed = parse_spec(&text);
    let (spec, warnings) = parsed.map_err(|source| LoadError::Parse { file, source })?;
    Ok(LoadedSpec { spec, warnings })
}

/// Reads a file with a `process` object, as `exec --process` names one. A pipe will do.
///
/// # Errors
/// [`LoadError`] if the file cannot be read or is not a `process` object.
pub fn load_process(file: &Path) -> Result<LoadedProcess, LoadError> {
    let owned = || file.to_path_buf();
    let opened = File::open(file).map_err(|source| LoadError::Open { file: owned(), source })?;
    let text = read_capped(opened, file)?;
    let parsed = parse_process(&text);
    let (process, warnings) =
        parsed.map_err(|source| LoadError::Parse { file: owned(), source })?;
    Ok(LoadedProcess { process, warnings })
}

/// Reads a file with a `linux.resources` object, as `update --resources` names one. A pipe will do.
///
/// # Errors
/// [`LoadError`] if the file cannot be read or is not a `resources` object.
pub fn load_resources(file: &Path) -> Result<LinuxResources, LoadError> {
    let owned = || file.to_path_buf();
    let opened = File::open(file).map_err(|source| LoadError::Open { file: owned(), source })?;
    let text = read_capped(opened, file)?;
    parse_resources(&text).map_err(|source| LoadError::Parse { file: owned(), source })
}

/// Says which part of the path is to blame. Looks a second time only after a failure.
fn open_error(bundle: &Path, file: &Path, source: io::Error) -> LoadError {
    let bundle_path = bundle.to_path_buf();
    match (bundle.metadata(), source.kind()) {
        (Err(source), _) => LoadError::Bundle { bundle: bundle_path, source },
        (Ok(found), _) if !found.is_dir() => LoadError::BundleNotDirectory { bundle: bundle_path },
        (Ok(_), ErrorKind::NotFound) => LoadError::NoConfig { bundle: bundle_path, source },
        (Ok(_), _) => LoadError::Open { file: file.to_path_buf(), source },
    }
}

fn read_capped(opened: File, file: &Path) -> Result<Vec<u8>, LoadError> {
    let owned = || file.to_path_buf();
    // One byte more than the file is said to have saves the read that finds its end.
    let size = opened.metadata().map_or(0, |found| found.len().min(MAX_CONFIG_SIZE));
    let mut text = Vec::with_capacity(size as usize + 1);
    let read = opened.take(MAX_CONFIG_SIZE + 1).read_to_end(&mut text);
    read.map_err(|source| LoadError::Read { file: owned(), source })?;
    if text.len() as u64 > MAX_CONFIG_SIZE {
        return Err(LoadError::TooLarge { file: owned() });
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
