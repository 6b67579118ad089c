//! Network devices of the host that move into the container.

use super::PlanError;
use super::namespaces::{Join, Namespace, Namespaces};
use oci_spec::runtime::Spec;
use serde::Serialize;

/// What is moved where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetDevices {
    /// In the order of their names.
    pub devices: Vec<NetDevice>,
    /// The network namespace that is joined; `None` is the new one.
    pub joined: Option<Join>,
    /// creel-init makes the new one itself, and asks for the devices when it has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetDevice {
    /// Its name on the host.
    pub host: String,
    /// Its name in the container.
    pub container: String,
}

impl NetDevice {
    /// The place in config.json.
    pub fn origin(&self) -> String {
        format!("linux.netDevices[{:?}]", self.host)
    }
}

impl NetDevices {
    pub(super) fn of(spec: &Spec, namespaces: &Namespaces) -> Result<Option<Self>, PlanError> {
        let given = spec.linux().as_ref().and_then(|linux| linux.net_devices().as_ref());
        let mut devices = Vec::new();
        for (host, device) in given.into_iter().flatten() {
            let name = device.name().as_deref().filter(|name| !name.is_empty());
            devices
                .push(NetDevice { host: host.clone(), container: name.unwrap_or(host).to_owned() });
        }
        if devices.is_empty() {
            return Ok(None);
        }
        devices.sort_by(|a, b| a.host.cmp(&b.host));
        check(&devices, namespaces)?;
        let joined = namespaces.joined.iter().find(|join| join.namespace == Namespace::Network);
        let late = namespaces.makes_late(Namespace::Network);
        Ok(Some(NetDevices { devices, joined: joined.cloned(), late }))
    }
}

fn check(devices: &[NetDevice], namespaces: &Namespaces) -> Result<(), PlanError> {
    let refuse = |json_path: String, found: &str, allowed| {
        Err(PlanError::Unsupported { json_path, found: found.to_owned(), allowed })
    };
    for (index, device) in devices.iter().enumerate() {
        for (path, name) in
            [(device.origin(), &device.host), (device.origin() + ".name", &device.container)]
        {
            if !is_name(name) {
                let allowed = "a device's name has 1 to 15 characters, no slash, colon or blank";
                return refuse(path, name, allowed);
            }
        }
        if devices[..index].iter().any(|other| other.container == device.container) {
            let allowed = "another device gets the same name; give each its own";
            return refuse(device.origin() + ".name", &device.container, allowed);
        }
    }
    if !namespaces.has(Namespace::Network) {
        let allowed = "devices move only into a network namespace of the container's own";
        return refuse("linux.netDevices".to_owned(), &devices[0].host, allowed);
    }
    Ok(())
}

/// dev_valid_name() of the kernel.
fn is_name(name: &str) -> bool {
    let odd = |byte: u8| byte == b'/' || byte == b':' || byte == 0 || byte.is_ascii_whitespace();
    (1..16).contains(&name.len()) && !matches!(name, "." | "..") && !name.bytes().any(odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_the_kernel_takes() {
        for good in ["eth0", "a", "123456789012345", "vlan.7"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", ".", "..", "1234567890123456", "a/b", "a b", "a:1"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
