//! A small D-Bus client for what is asked of systemd: synchronous, without threads
//! (D-Bus specification 0.43; org.freedesktop.systemd1(5)).

mod connection;
mod decode;
mod encode;
#[cfg(all(test, target_endian = "little"))]
mod tests;

use self::connection::Connection;
use self::decode::Message;
use self::encode::{Body, Call};
use super::error::SystemdError;
use super::manager::Manager;
use super::unit::Property;
use super::value::Value;

const SYSTEMD: (&str, &str, &str) =
    ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager");
const BUS: (&str, &str, &str) =
    ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus");
const JOB_REMOVED: &str = "type='signal',sender='org.freedesktop.systemd1',\
     interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";

/// The interface of a scope's own properties, limits among them.
const SCOPE: &str = "org.freedesktop.systemd1.Scope";

/// A connection to systemd by a bus.
#[derive(Debug)]
pub(super) struct Bus {
    connection: Connection,
    /// The unique name of systemd: the bus passes on signals of the same name from anybody.
    systemd: Option<String>,
    /// Jobs that have ended while something else was waited for: their paths and results.
    ended: Vec<(String, String)>,
}

impl Bus {
    /// Connect and say hello.
    pub(super) fn open(manager: Manager) -> Result<Bus, SystemdError> {
        let address = match manager {
            Manager::System => connection::system_address()?,
            Manager::User => connection::user_address()?,
        };
        let mut bus = Bus::on(Connection::open(&address)?);
        bus.call(BUS, "Hello", Body::new())?;
        Ok(bus)
    }

    fn on(connection: Connection) -> Bus {
        Bus { connection, systemd: None, ended: Vec::new() }
    }

    /// Be told of the end of jobs; has to come before the job.
    pub(super) fn watch_jobs(&mut self) -> Result<(), SystemdError> {
        self.call(BUS, "AddMatch", Body::new().text(JOB_REMOVED))?;
        // systemd says nothing while nobody has subscribed.
        self.systemd = self.call(SYSTEMD, "Subscribe", Body::new())?.sender;
        Ok(())
    }

    /// The path of the job.
    pub(super) fn start_transient_unit<'a>(
        &mut self,
        unit: &str,
        properties: impl Iterator<Item = &'a Property>,
    ) -> Result<String, SystemdError> {
        let body = Body::new().text(unit).text("replace").properties(properties).no_other_units();
        self.call(SYSTEMD, "StartTransientUnit", body)?.object_path()
    }

    /// The path of the job.
    pub(super) fn stop_unit(&mut self, unit: &str) -> Result<String, SystemdError> {
        self.call(SYSTEMD, "StopUnit", Body::new().text(unit).text("replace"))?.object_path()
    }

    pub(super) fn reset_failed(&mut self, unit: &str) -> Result<(), SystemdError> {
        self.call(SYSTEMD, "ResetFailedUnit", Body::new().text(unit)).map(drop)
    }

    /// Move a process into a cgroup of a unit, `/` being the unit's own.
    pub(super) fn attach(&mut self, unit: &str, below: &str, pid: u32) -> Result<(), SystemdError> {
        let body = Body::new().text(unit).text(below).numbers(&[pid]);
        self.call(SYSTEMD, "AttachProcessesToUnit", body).map(drop)
    }

    /// The cgroup of systemd itself, which all of its units are below.
    pub(super) fn own_cgroup(&mut self) -> Result<String, SystemdError> {
        let (_, path, interface) = SYSTEMD;
        match self.property(path, interface, "ControlGroup")? {
            Some(Value::Text(path)) => Ok(path),
            _ => Err(SystemdError::Malformed),
        }
    }

    /// The object of a unit, which is another call to systemd and back.
    pub(super) fn object_of(&mut self, unit: &str) -> Result<String, SystemdError> {
        self.call(SYSTEMD, "GetUnit", Body::new().text(unit))?.object_path()
    }

    /// A property of a scope; `None` when it is of a type that no property has which is set here.
    pub(super) fn scope_property(
        &mut self,
        object: &str,
        name: &str,
    ) -> Result<Option<Value>, SystemdError> {
        self.property(object, SCOPE, name)
    }

    fn property(
        &mut self,
        object: &str,
        interface: &str,
        name: &str,
    ) -> Result<Option<Value>, SystemdError> {
        let to = (SYSTEMD.0, object, "org.freedesktop.DBus.Properties");
        self.call(to, "Get", Body::new().text(interface).text(name))?.variant()
    }

    /// Until the next boot, as befits a transient unit.
    pub(super) fn set_unit_properties<'a>(
        &mut self,
        unit: &str,
        properties: impl Iterator<Item = &'a Property>,
    ) -> Result<(), SystemdError> {
        let body = Body::new().text(unit).flag(true).properties(properties);
        self.call(SYSTEMD, "SetUnitProperties", body).map(drop)
    }

    /// Wait for systemd's word that the job is over: `done`, or what else became of it.
    pub(super) fn wait_for_job(&mut self, job: &str) -> Result<String, SystemdError> {
        loop {
            if let Some(at) = self.ended.iter().position(|(path, _)| path == job) {
                return Ok(self.ended.swap_remove(at).1);
            }
            let message = self.connection.receive("wait for the job")?;
            self.note(&message)?;
        }
    }

    fn call(
        &mut self,
        (destination, path, interface): (&str, &str, &str),
        method: &'static str,
        body: Body,
    ) -> Result<Message, SystemdError> {
        let call = Call { destination, path, interface, member: method, body };
        let serial = self.connection.send(&call, method)?;
        loop {
            let message = self.connection.receive(method)?;
            if !message.answers(serial) {
                self.note(&message)?;
                continue;
            }
            return match &message.error {
                None => Ok(message),
                Some(name) => {
                    let text = message.first_text().unwrap_or_default();
                    Err(SystemdError::Call { method, name: name.clone(), text })
                }
            };
        }
    }

    /// `JobRemoved(u id, o job, s unit, s result)`
    fn note(&mut self, message: &Message) -> Result<(), SystemdError> {
        let is_systemd = self.systemd.is_some() && message.sender == self.systemd;
        if is_systemd && message.is_signal(SYSTEMD.2, "JobRemoved") {
            self.ended.push(message.removed_job()?);
        }
        Ok(())
    }
}
