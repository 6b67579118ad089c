//! `hooks` (config.md, POSIX-platform Hooks).

use oci_spec::runtime::{Hook, Spec};

use super::{CheckError, text};

pub(super) fn check(spec: &Spec) -> Result<(), CheckError> {
    let Some(hooks) = spec.hooks() else { return Ok(()) };
    #[allow(deprecated)] // prestart: deprecated, and still to be called.
    let kinds = [
        ("prestart", hooks.prestart()),
        ("createRuntime", hooks.create_runtime()),
        ("createContainer", hooks.create_container()),
        ("startContainer", hooks.start_container()),
        ("poststart", hooks.poststart()),
        ("poststop", hooks.poststop()),
    ];
    for (kind, hooks) in kinds {
        for (index, given) in hooks.iter().flatten().enumerate() {
            hook(given, &format!("hooks.{kind}[{index}]"))?;
        }
    }
    Ok(())
}

fn hook(hook: &Hook, at: &str) -> Result<(), CheckError> {
    text::absolute(|| format!("{at}.path"), hook.path())?;
    for (name, strings) in [("args", hook.args()), ("env", hook.env())] {
        for (index, string) in strings.iter().flatten().enumerate() {
            text::no_nul_at(|| format!("{at}.{name}[{index}]"), string)?;
        }
    }
    match hook.timeout() {
        Some(seconds) if seconds <= 0 => Err(CheckError::unsupported(
            format!("{at}.timeout"),
            seconds,
            "a number of seconds greater than 0",
        )),
        _ => Ok(()),
    }
}
