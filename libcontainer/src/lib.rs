//! The OCI container lifecycle as a library.
pub mod cgroups;
pub(crate) mod sys;
