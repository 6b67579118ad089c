//! Scheduler, I/O priority, CPUs, memory policy, personality.

use std::fs;
use std::path::Path;

use creel_probe::Try;
use serde_json::json;

use crate::harness::{Bundle, Config, needs_root, parse, runc_deviates, unless};

/// `policy`, `rt_priority` and `nice` out of proc_pid_stat(5).
fn scheduled(stat: &str) -> (String, String, String) {
    let (_, rest) = stat.rsplit_once(") ").expect("a name in brackets");
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // The first of these is field 3.
    (fields[38].to_owned(), fields[37].to_owned(), fields[16].to_owned())
}

#[track_caller]
fn scheduled_by(scheduler: serde_json::Value) -> (String, String, String) {
    let mut bundle = Bundle::new("scheduler").config(|c| c.set("/process/scheduler", scheduler));
    let Try::Worked(stat) = bundle.try_inside("read:/proc/self/stat") else { panic!("no stat") };
    scheduled(&stat)
}

fn words(policy: &str, priority: &str, nice: &str) -> (String, String, String) {
    (policy.to_owned(), priority.to_owned(), nice.to_owned())
}

#[test]
fn the_scheduler_is_set() {
    needs_root!("a real-time policy takes CAP_SYS_NICE");
    runc_deviates!("schedulers came with 1.2");
    assert_eq!(scheduled_by(json!({"policy": "SCHED_BATCH", "nice": 7})), words("3", "0", "7"));
    assert_eq!(scheduled_by(json!({"policy": "SCHED_OTHER", "nice": -5})), words("0", "0", "-5"));
    // The kernel leaves the nice value of this policy as it was.
    let own = fs::read_to_string("/proc/self/stat").expect("a stat");
    let (_, _, nice) = scheduled(&own);
    assert_eq!(scheduled_by(json!({"policy": "SCHED_IDLE"})), words("5", "0", &nice));
}

#[test]
fn an_exec_has_the_containers_scheduler() {
    runc_deviates!("schedulers came with 1.2");
    let bundle = Bundle::new("schedulerexec").config(|c| {
        c.set("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 3}));
    });
    let bundle = bundle.sleeping();
    let words_of = ["/bin/probe", "report", "read:/proc/self/stat"];
    let output = bundle.cmd(&[&["exec", &bundle.id], &words_of[..]].concat()).ok();
    let Try::Worked(stat) = &parse(&output).tries["read:/proc/self/stat"] else { panic!("stat") };
    assert_eq!(scheduled(stat), words("3", "0", "3"));
}

#[test]
fn a_real_time_policy_is_set_or_refused_by_name() {
    runc_deviates!("schedulers came with 1.2");
    let mut bundle = Bundle::new("fifo").config(|c| {
        c.set("/process/scheduler", json!({"policy": "SCHED_RR", "priority": 4}));
        c.probe(&["report", "read:/proc/self/stat"]);
    });
    let output = bundle.run();
    if output.code() == 0 {
        let Try::Worked(stat) = bundle.try_inside("read:/proc/self/stat") else { panic!("stat") };
        let (policy, priority, _) = scheduled(&stat);
        assert_eq!((policy.as_str(), priority.as_str()), ("2", "4"));
    } else {
        // cgroup v1 with CONFIG_RT_GROUP_SCHED, or root without CAP_SYS_NICE.
        output.refused(&["process.scheduler", "scheduler"]);
    }
}

#[test]
fn the_io_priority_is_set() {
    runc_deviates!("ioPriority came with 1.2");
    for (class, shown) in
        [("IOPRIO_CLASS_BE", "best-effort: prio 6"), ("IOPRIO_CLASS_IDLE", "idle")]
    {
        let bundle = Bundle::new("ioprio").busybox().config(|c| {
            c.set("/process/ioPriority", json!({"class": class, "priority": 6}));
            c.args(&["/bin/ionice", "-p", "1"]);
        });
        let text = bundle.run().ok().stdout();
        assert!(text.starts_with(shown), "{text}");
    }
}

#[test]
fn the_memory_policy_is_set() {
    runc_deviates!("memoryPolicy came with 1.4");
    unless!(Path::new("/proc/self/numa_maps").exists(), "the kernel has no NUMA");
    let policy = json!({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]});
    let mut bundle = Bundle::new("mempolicy").config(|c| c.set("/linux/memoryPolicy", policy));
    let Try::Worked(maps) = bundle.try_inside("read:/proc/self/numa_maps") else { panic!("maps") };
    assert!(maps.contains(" bind=static:0 "), "{maps}");
    let bundle = bundle.sleeping();
    let maps = fs::read_to_string(format!("/proc/{}/numa_maps", bundle.pid())).expect("maps");
    assert!(maps.contains(" bind=static:0 "), "{maps}");
}

#[test]
fn a_memory_node_that_is_not_there_is_refused() {
    runc_deviates!("memoryPolicy came with 1.4");
    unless!(Path::new("/proc/self/numa_maps").exists(), "the kernel has no NUMA");
    let bundle = Bundle::new("nonode").config(|c| {
        c.set("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "63"}));
    });
    bundle.run().refused(&["linux.memoryPolicy", "memory policy", "node"]);
    bundle.assert_nothing_left();
}

/// Like runtimes' default profiles, which allow few personalities.
#[test]
fn a_filter_that_denies_it_leaves_the_personality() {
    runc_deviates!("personality came with 1.2");
    let denied = json!({"names": ["personality", "sched_setattr", "ioprio_set"], "action": "SCMP_ACT_KILL_PROCESS"});
    for no_new_privs in [true, false] {
        let mut bundle = Bundle::new("filtered").config(|c| {
            c.set("/linux/personality", json!({"domain": "LINUX32"}));
            c.set("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 2}));
            c.set("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 6}));
            c.set("/process/noNewPrivileges", no_new_privs);
            c.set(
                "/linux/seccomp",
                json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [denied]}),
            );
        });
        let found = bundle.try_inside("read:/proc/self/personality");
        assert_eq!(found, Try::Worked("00000008\n".to_owned()));
    }
}

#[test]
fn the_personality_is_set_for_the_container_and_for_exec() {
    runc_deviates!("personality came with 1.2");
    let bundle = Bundle::new("personality").busybox().config(|c| {
        c.set("/linux/personality", json!({"domain": "LINUX32"}));
        c.args(&["/bin/uname", "-m"]);
    });
    assert_eq!(bundle.run().ok().stdout().trim(), "i686");
    let bundle = bundle.config(|c| c.probe(&["sleep", "600"]));
    let bundle = bundle.sleeping();
    let machine = bundle.cmd(&["exec", &bundle.id, "/bin/uname", "-m"]).ok().stdout();
    assert_eq!(machine.trim(), "i686");
}

/// A second process with these CPUs.
#[track_caller]
fn cpus_of_exec(change: impl FnOnce(&mut Config)) -> String {
    Bundle::new("affinity").config(change).sleeping().exec_report(&[]).cpus
}

#[test]
fn an_exec_runs_on_the_cpus_given_for_it() {
    runc_deviates!("execCPUAffinity came with 1.3");
    let all = cpus_of_exec(|_| {});
    unless!(all == "0-1" || all.contains("-"), "there is one CPU only");
    let last = cpus_of_exec(|c| c.set("/process/execCPUAffinity", json!({"final": "1"})));
    assert_eq!(last, "1");
    let both = json!({"initial": "0", "final": "1"});
    assert_eq!(cpus_of_exec(|c| c.set("/process/execCPUAffinity", both)), "1");
}

#[test]
fn the_container_itself_is_not_bound_to_the_cpus_of_exec() {
    let report = Bundle::new("affinityinit").report();
    let bundle = Bundle::new("affinityinit").config(|c| {
        c.set("/process/execCPUAffinity", json!({"initial": "1", "final": "1"}));
    });
    assert_eq!(bundle.report().cpus, report.cpus);
}

#[test]
fn cpus_that_are_not_there_are_refused() {
    runc_deviates!("execCPUAffinity came with 1.3");
    let bundle = Bundle::new("nocpu").config(|c| {
        c.set("/process/execCPUAffinity", json!({"final": "1000"}));
    });
    let bundle = bundle.sleeping();
    let output = bundle.cmd(&["exec", &bundle.id, "/bin/probe", "exit", "0"]).output();
    let said = output.exits(255).stderr();
    assert!(said.contains("process.execCPUAffinity.final") && said.contains("CPUs"), "{said}");
}
