# shellcheck shell=bash
# What containers left: processes, mounts, cgroups, state.
# Part of hack/containerd-test, which sets work, namespace, image, runtime, snapshotter and daemon.
# shellcheck disable=SC2154

# leftovers: a line for each mount, cgroup, process, container and state file that is still there.
leftovers() {
    local pid
    awk -v below="$work/" 'index($5, below) == 1 { print "mount " $5 }' /proc/self/mountinfo
    find /sys/fs/cgroup -mindepth 2 -type d -path "*/$namespace/*" -printf 'cgroup %p\n' 2>/dev/null || true
    for pid in $(marked_processes); do
        say "process $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" || true)"
    done
    find "$work/runtime" -mindepth 2 -printf 'runtime state %p\n' 2>/dev/null || true
    find "$work/state/io.containerd.runtime.v2.task" -mindepth 2 -printf 'bundle %p\n' 2>/dev/null || true
    c containers ls -q | sed 's/^/container /'
    c snapshots --snapshotter "$snapshotter" ls | awk '$3 == "Active" { print "snapshot " $1 }'
}

# nothing_left: waits a moment for what containerd clears up behind ctr's back, then fails on leftovers.
nothing_left() {
    local left tries
    for tries in 1 2 3 4 5 6 7 8 9 10; do
        left=$(leftovers)
        [ -n "$left" ] || return 0
        [ "$tries" = 10 ] || sleep 0.3
    done
    say "left behind:"
    say "$left"
    return 1
}
