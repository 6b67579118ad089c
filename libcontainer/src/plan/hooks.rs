//! The hooks of a start: which run where, and when.

use super::{Descriptor, PlanError, Script, process, text};
use creel_wire::owned::Step;
use oci_spec::runtime::{Hook as SpecHook, Spec};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A hook that the library itself runs, in the runtime's namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hook {
    /// Such as `hooks.poststop[0]`.
    pub(crate) origin: String,
    pub(crate) path: PathBuf,
    /// The argument vector; the path alone when none was given.
    pub(crate) arguments: Vec<String>,
    /// `None`: empty.
    pub(crate) environment: Option<Vec<String>>,
    /// In seconds.
    pub(crate) timeout: Option<u32>,
}

impl Hook {
    fn of(origin: String, hook: &SpecHook) -> Self {
        let arguments = hook.args().clone().filter(|arguments| !arguments.is_empty());
        Hook {
            origin,
            path: hook.path().clone(),
            arguments: arguments
                .unwrap_or_else(|| vec![hook.path().to_string_lossy().into_owned()]),
            environment: hook.env().clone(),
            timeout: hook.timeout().and_then(|seconds| u32::try_from(seconds).ok()),
        }
    }

    /// All hooks of one kind.
    pub(crate) fn all(kind: &str, hooks: Option<&Vec<SpecHook>>) -> Vec<Hook> {
        let hooks = hooks.into_iter().flatten().enumerate();
        hooks.map(|(index, hook)| Hook::of(format!("hooks.{kind}[{index}]"), hook)).collect()
    }
}

/// prestart and createRuntime run in the runtime's namespaces (returned), then createContainer inside.
pub(super) fn before_pivot(script: &mut Script, spec: &Spec) -> Result<Vec<Hook>, PlanError> {
    let (mut outside, mut inside) = (Vec::new(), Vec::new());
    if let Some(hooks) = spec.hooks() {
        #[allow(deprecated)] // prestart is deprecated in the spec and still used everywhere.
        outside.extend(Hook::all("prestart", hooks.prestart().as_ref()));
        outside.extend(Hook::all("createRuntime", hooks.create_runtime().as_ref()));
        inside = Hook::all("createContainer", hooks.create_container().as_ref());
    }
    // Those inside need it too: where nothing else is waited for (cgroup2), limits and the state that they read may
    // not be there yet. So do device rules that had to wait for the mounts: from here on files of the image are opened.
    if !outside.is_empty() || !inside.is_empty() || script.opens_devices {
        script.push("hooks", Step::AwaitHooks {});
    }
    add_inside(script, inside, "creating")?;
    Ok(outside)
}

/// startContainer hooks run inside, after `start`.
pub(super) fn before_start(script: &mut Script, spec: &Spec) -> Result<(), PlanError> {
    let Some(hooks) = spec.hooks() else { return Ok(()) };
    let inside = Hook::all("startContainer", hooks.start_container().as_ref());
    add_inside(script, inside, "created")
}

fn add_inside(
    script: &mut Script,
    hooks: Vec<Hook>,
    status: &'static str,
) -> Result<(), PlanError> {
    for hook in hooks {
        let stdin = script.slot(Descriptor::HookState(status));
        let path = text(&hook.origin, hook.path.into_os_string().into_encoded_bytes())?;
        let environment = hook.environment.unwrap_or_default();
        let step = Step::Hook {
            path,
            arguments: process::texts(format_args!("{}", hook.origin), hook.arguments.iter())?,
            environment: process::texts(format_args!("{}", hook.origin), environment.iter())?,
            timeout: hook.timeout.map_or(0, |seconds| seconds.saturating_mul(1000)),
            stdin,
        };
        script.push(hook.origin, step);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing else makes creel-init wait for the state and the limits where it is cloned into its cgroup.
    #[test]
    fn a_hook_inside_waits_for_the_library() {
        let hooks = r#"{"ociVersion": "1.0.2", "hooks": {"createContainer": [{"path": "/hook"}]}}"#;
        let spec: Spec = serde_json::from_str(hooks).unwrap();
        let mut script = Script::new();
        assert_eq!(before_pivot(&mut script, &spec).unwrap(), []);
        let steps: Vec<_> = script.steps.iter().map(|planned| &planned.step).collect();
        assert!(matches!(steps[..], [Step::AwaitHooks {}, Step::Hook { .. }]), "{steps:?}");
    }
}
