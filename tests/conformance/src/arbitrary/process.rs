//! `process`, hooks and what stands beside them.

use proptest::strategy::Strategy;
use serde_json::{Value, json};

use super::json::{Json, always, boolean, list, number, object, one_of, without_doubles};

const CAPABILITIES: &[&str] = &[
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_KILL",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETUID",
    "CAP_SYS_ADMIN",
];

const RLIMITS: &[&str] = &[
    "RLIMIT_AS",
    "RLIMIT_CORE",
    "RLIMIT_CPU",
    "RLIMIT_DATA",
    "RLIMIT_FSIZE",
    "RLIMIT_LOCKS",
    "RLIMIT_MEMLOCK",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_NOFILE",
    "RLIMIT_NPROC",
    "RLIMIT_RSS",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
    "RLIMIT_SIGPENDING",
    "RLIMIT_STACK",
];

/// The whole of `process`.
pub(super) fn process() -> Json {
    object(vec![
        ("terminal", 0.2, boolean()),
        ("consoleSize", 0.2, size()),
        ("user", 1.0, user()),
        (
            "args",
            1.0,
            list(one_of(&["/bin/probe", "sh", "-c", "", "ä b"]), 0..4).prop_map(begun).boxed(),
        ),
        ("commandLine", 0.1, always(json!("cmd /c dir"))),
        ("env", 0.9, environment()),
        ("cwd", 1.0, one_of(&["/", "/bin", "/srv/../tmp", "/made/for/it"])),
        ("capabilities", 0.8, capabilities()),
        ("rlimits", 0.6, rlimits(RLIMITS, 0..1 << 40)),
        ("noNewPrivileges", 0.8, boolean()),
        ("apparmorProfile", 0.1, one_of(&["unconfined", "web"])),
        ("selinuxLabel", 0.1, one_of(&["", "system_u:system_r:container_t:s0"])),
        ("oomScoreAdj", 0.4, number(-1000..1001)),
        ("scheduler", 0.3, scheduler()),
        ("ioPriority", 0.3, io_priority()),
        ("execCPUAffinity", 0.2, affinity()),
    ])
}

/// The program may not be empty.
fn begun(mut args: Value) -> Value {
    if let Some(args) = args.as_array_mut() {
        args.insert(0, json!("/bin/probe"));
    }
    args
}

fn size() -> Json {
    object(vec![("height", 1.0, number(0..200)), ("width", 1.0, number(0..70_000))])
}

/// User, groups and umask.
pub(super) fn user() -> Json {
    object(vec![
        (
            "uid",
            1.0,
            number(0..3)
                .prop_map(|n| json!([0, 1000, 65534][n.as_u64().unwrap_or(0) as usize]))
                .boxed(),
        ),
        ("gid", 1.0, number(0..2000)),
        ("umask", 0.4, number(0..0o1000)),
        ("additionalGids", 0.5, list(number(0..60_000), 0..40)),
        ("username", 0.1, always(json!("web"))),
    ])
}

/// Variables, some of them twice.
pub(super) fn environment() -> Json {
    let words = &["A=1", "A=2", "B=", "C==x", "HOME=", "HOME=/srv", "LANG=ä", "PATH=/bin:/usr/bin"];
    list(one_of(words), 0..8)
}

/// The five sets.
pub(super) fn capabilities() -> Json {
    let set = || list(one_of(CAPABILITIES), 0..6);
    object(vec![
        ("bounding", 0.9, set()),
        ("effective", 0.9, set()),
        ("permitted", 0.9, set()),
        ("inheritable", 0.4, set()),
        ("ambient", 0.4, set()),
    ])
}

/// Limits of these kinds, the soft ones below the hard ones.
pub(super) fn rlimits(kinds: &'static [&'static str], values: std::ops::Range<i64>) -> Json {
    let limit = (one_of(kinds), values, 0..=100_i64).prop_map(
        |(kind, hard, percent)| json!({"type": kind, "hard": hard, "soft": hard - hard / 200 * percent}),
    );
    without_doubles(list(limit.boxed(), 0..5), "type")
}

/// Every policy with the numbers that fit it.
fn scheduler() -> Json {
    let flags =
        one_of(&["SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_KEEP_PARAMS"]);
    let ordinary = object(vec![
        ("policy", 1.0, one_of(&["SCHED_OTHER", "SCHED_BATCH", "SCHED_IDLE"])),
        ("nice", 0.7, number(-20..20)),
        ("flags", 0.3, list(flags, 0..3)),
    ]);
    let realtime = object(vec![
        ("policy", 1.0, one_of(&["SCHED_FIFO", "SCHED_RR"])),
        ("priority", 1.0, number(1..100)),
    ]);
    let deadline = object(vec![
        ("policy", 1.0, always(json!("SCHED_DEADLINE"))),
        ("runtime", 1.0, number(1024..10_000)),
        ("deadline", 1.0, number(10_000..20_000)),
        ("period", 1.0, number(20_000..30_000)),
    ]);
    proptest::prop_oneof![3 => ordinary, 1 => realtime, 1 => deadline].boxed()
}

fn io_priority() -> Json {
    object(vec![
        ("class", 1.0, one_of(&["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"])),
        ("priority", 1.0, number(0..8)),
    ])
}

fn affinity() -> Json {
    let list = || one_of(&["0", "0-1", "0,1", "0-3,7"]);
    object(vec![("initial", 0.5, list()), ("final", 0.5, list())])
}

/// Hooks of every kind.
pub(super) fn hooks() -> Json {
    let hook = || {
        object(vec![
            ("path", 1.0, one_of(&["/bin/true", "/usr/bin/hook"])),
            ("args", 0.5, list(one_of(&["hook", "-x", ""]), 0..3)),
            ("env", 0.5, list(one_of(&["A=1", "B"]), 0..3)),
            ("timeout", 0.5, number(1..100)),
        ])
    };
    let kinds =
        ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    object(kinds.into_iter().map(|kind| (kind, 0.3, list(hook(), 0..3))).collect())
}
