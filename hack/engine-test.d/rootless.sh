# shellcheck shell=bash
# Podman as a user other than root, with a cgroup of cgroup2 that is delegated to the user, as a login session has it.
# Where the host has version 1 as well, hack/engine-test shows cgroup2 alone; which controllers it has is the host's.
# shellcheck disable=SC2034,SC2154
podman=(/checks/as-user podman)
kinds=(both podman rootless)
# shellcheck source=hack/engine-test.d/podman.sh
. /checks/podman.sh
own_cgroup=/sys/fs/cgroup/creel-engines-user
subids=200000

start_engine() {
    local file
    echo "user:x:1234:1234::/home/user:/bin/bash" >>/etc/passwd
    echo "user:x:1234:" >>/etc/group
    for file in /etc/subuid /etc/subgid; do echo "user:$subids:65536" >>$file; done
    # Not on the tree's overlay: an overlay's upper layer cannot be another one.
    mkdir -p /home/user /run/user/1234
    mount -t tmpfs home /home/user
    chown 1234:1234 /home/user /run/user/1234
    configure
    has_controller pids || no_own_limit
    delegate
    make_outer
    import_images
}

stop_engine() {
    pkill -KILL --uid 1234 || true
    until_true removed || echo "$own_cgroup is left" >&2
}
removed() { find $own_cgroup -depth -type d -exec rmdir {} + 2>/dev/null; }

# delegate: a cgroup that is the user's, with whatever controllers there are; the engine itself is in a part of it.
delegate() {
    local controller file
    for controller in $(xargs -n 1 </sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
    done
    mkdir -p $own_cgroup/engine
    for file in "" cgroup.procs cgroup.threads cgroup.subtree_control; do
        chown 1234:1234 $own_cgroup/$file $own_cgroup/engine/$file
    done
}

has_controller() { grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }

# needs CONTROLLER...: of the delegated cgroup.
needs() {
    local controller
    for controller in "$@"; do
        has_controller "$controller" || {
            echo "this host's cgroup2 has no controller $controller"
            exit 77
        }
    done
}

rootless_memory_limit() { needs memory && both_memory_limit; }
rootless_memory_limit_holds() { needs memory && both_memory_limit_holds; }
rootless_out_of_memory_is_told() { needs memory && both_out_of_memory_is_told; }
rootless_cpu_limit() { needs cpu && both_cpu_limit; }
rootless_pids_limit() { needs pids && both_pids_limit; }
rootless_no_pids_limit() { needs pids && both_no_pids_limit; }
rootless_cpuset() { needs cpuset && both_cpuset; }
rootless_stats() { needs memory pids && both_stats; }

rootless_limit_in_a_delegated_cgroup() {
    needs hugetlb
    is 4194304 "$(once --cgroup-conf hugetlb.2MB.max=4194304 "$image" cat /sys/fs/cgroup/hugetlb.2MB.max)"
}
rootless_limit_without_its_controller_is_refused() {
    if has_controller pids; then
        echo "this host's cgroup2 has the controller"
        exit 77
    fi
    has pids "$(ends 126 once --pids-limit 20 "$image" true)" || has pids "$(ends 127 once --pids-limit 20 "$image" true)"
}
rootless_is_in_its_own_cgroup() {
    started con "$image" sleep 1000
    has "${own_cgroup#/sys/fs/cgroup}" "$(grep ^0: "/proc/$(e inspect -f '{{.State.Pid}}' con)/cgroup")"
}
rootless_root_inside_is_the_user_outside() {
    started con "$image" sleep 1000
    is 1234 "$(stat -c %u "/proc/$(e inspect -f '{{.State.Pid}}' con)")"
}
rootless_other_ids_are_subordinate_ones() {
    started con --user 1000 "$image" sleep 1000
    is $((subids + 999)) "$(stat -c %u "/proc/$(e inspect -f '{{.State.Pid}}' con)")"
}
rootless_keeps_the_users_id() { is 1234 "$(once --userns keep-id "$image" id -u)"; }
# What the user's own ids are mapped to: the second number is of the user's name space.
rootless_user_namespace_of_its_own() {
    is "0 1 1000" "$(once --uidmap 0:1:1000 --gidmap 0:1:1000 "$image" cat /proc/self/uid_map | xargs)"
}
# Without IPC's: this host may have no /dev/mqueue, and the user cannot make one.
rootless_host_ipc_and_uts() { is "$(hostname)" "$(once --uts host "$image" hostname)"; }
rootless_device_of_the_host() { has "1,   3" "$(once --device /dev/null:/dev/mine "$image" ls -l /dev/mine)"; }
rootless_cannot_read_roots_files() {
    install -m 600 /dev/null /tmp/volume/of-root
    has "ermission denied" "$(ends 1 once -v /tmp/volume:/v "$image" cat /v/of-root)"
}
