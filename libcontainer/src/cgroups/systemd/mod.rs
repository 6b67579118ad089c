//! Cgroups that systemd makes: the container's process is put into a transient scope unit
//! (systemd.scope(5)), asked for over D-Bus (org.freedesktop.systemd1(5)).
//!
//! Only where cgroup2 is alone. On version 1 and hybrid hosts systemd manages its own hierarchy and
//! a few controllers, the rest would have to be made beside it, and its daemon-reload resets the
//! device list; there the driver is refused and cgroupfs is what to use.
//!
//! The scope is delegated, so below it and in its files this runtime may write: systemd gets as
//! properties what it knows, so that it does not set it back, and the exact values and all that it
//! does not know are written to the files afterwards as with cgroupfs.

mod annotation;
mod bus;
mod error;
mod manager;
mod name;
mod properties;
mod unit;
mod update;
mod value;

pub use error::SystemdError;
pub use manager::{Maker, Manager};
pub use unit::{Property, Unit, is_running};
pub(super) use unit::{attach, plan, stop};
pub(super) use update::{Told, tell};
pub use value::Value;
