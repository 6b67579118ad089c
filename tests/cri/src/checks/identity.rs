//! Who a process is, and with what it begins.

use crate::bench::Bench;
use crate::config::{env, number, security};
use crate::fault::{Fault, is};

pub(super) async fn user_and_group_by_number(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod
        .sleeper(|config| {
            security(config).run_as_user = number(1234);
            security(config).run_as_group = number(2345);
        })
        .await?;
    is("user and group", "1234:2345", container.sh("echo $(id -u):$(id -g)").await?)?;
    is("owner of the first process", "1234", container.sh("stat -c %u /proc/1").await?)
}

pub(super) async fn user_by_name(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let said = pod
        .says("id -un; id -g", |config| security(config).run_as_username = "user".into())
        .await?;
    is("user and group", "user 1000", said.replace('\n', " "))
}

pub(super) async fn supplemental_groups(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let container = pod
        .sleeper(|config| {
            security(config).run_as_user = number(1000);
            security(config).run_as_group = number(1000);
            security(config).supplemental_groups = vec![3000, 4000];
        })
        .await?;
    let groups = container.sh("awk '$1 == \"Groups:\"' /proc/self/status").await?;
    let mut groups: Vec<&str> = groups.split_whitespace().skip(1).collect();
    // The user's own group is in some engines' lists.
    groups.retain(|group| *group != "1000");
    groups.sort_unstable();
    is("groups", "3000 4000", groups.join(" "))
}

pub(super) async fn environment_and_working_directory(bench: &Bench) -> Result<(), Fault> {
    let pod = bench.pod().await?;
    let said = pod
        .says("", |config| {
            config.command = vec!["sh".into(), "-c".into()];
            config.args = vec!["echo $PWD $FIRST $SECOND $0".into(), "argument".into()];
            config.working_dir = "/tmp/is/made".into();
            config.envs = vec![env("FIRST", "one"), env("SECOND", "two=2")];
        })
        .await?;
    is("what it began with", "/tmp/is/made one two=2 argument", said)
}
