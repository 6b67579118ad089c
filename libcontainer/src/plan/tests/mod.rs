//! Plans for every kind of host, made without root. Whole plans are kept for the default configuration; the
//! other tests show what one setting changes of it, and what has to come before what.

mod activation;
mod arbitrary;
mod cgroups;
mod close;
mod devices;
mod empty_values;
mod exec;
mod fields;
mod harness;
mod hooks;
mod mounts;
mod namespaces;
mod order;
mod process;
mod request;
mod rootless;
mod text;
mod whole;
