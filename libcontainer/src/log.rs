//! Warnings: whoever embeds the library says where they go.

use std::sync::OnceLock;

static SINK: OnceLock<fn(&str)> = OnceLock::new();

/// Sets what becomes of warnings; without it they are dropped. Only the first call counts.
pub fn set_warning_sink(sink: fn(&str)) {
    // A second sink would take the first one's warnings away.
    let _ = SINK.set(sink);
}

pub(crate) fn warning(text: &str) {
    if let Some(sink) = SINK.get() {
        sink(text);
    }
}
