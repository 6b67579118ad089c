# shellcheck shell=bash
# containerd by itself, with ctr, whose flags are its own. hack/containerd-test has its lifecycle and what it leaves.
# shellcheck disable=SC2154,SC2034,SC2317
# The $ in single quotes are for the shell in the container.
# shellcheck disable=SC2016
kinds=(containerd)
daemon_log=/results/containerd.log
address=/run/containerd-checks/containerd.sock
namespace=creel-engines
image=docker.io/library/bb:latest
engine_command=(ctr --address "$address" --namespace "$namespace")
run=("${engine_command[@]}" run --runc-binary "$(command -v "${runtime:-runc}")")

start_engine() {
    mkdir -p /tmp/containerd
    cat >/tmp/containerd/config.toml <<END
version = 2
root = "/tmp/containerd/root"
state = "/run/containerd-checks/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "$address"
END
    containerd --config /tmp/containerd/config.toml --log-level debug >"$daemon_log" 2>&1 &
    daemon=$!
    until_true ctr --address $address version || {
        tail -n 5 "$daemon_log" >&2
        exit 1
    }
    oci_archive
    e image import /tmp/containerd/image.tar >/dev/null
}

# oci_archive: the image as docker save writes it, which containerd imports.
oci_archive() {
    local dir=/tmp/containerd/image sum
    mkdir -p $dir
    cp /tmp/image.tar $dir/layer.tar
    sum=$(sha256sum <$dir/layer.tar | cut -d' ' -f1)
    jq -n --arg sum "sha256:$sum" '{architecture: "amd64", os: "linux", config: {Env: ["PATH=/bin"]},
        rootfs: {type: "layers", diff_ids: [$sum]}}' >$dir/config.json
    jq -n --arg name "$image" '[{Config: "config.json", RepoTags: [$name], Layers: ["layer.tar"]}]' >$dir/manifest.json
    tar -c -C $dir -f /tmp/containerd/image.tar .
}

stop_engine() {
    kill "$daemon"
    wait "$daemon" || true
    # Of hierarchies that are to be seen only here.
    rmdir /sys/fs/cgroup/*/$namespace 2>/dev/null || true
}

remove_all() {
    local id try
    for id in $(e task ls -q); do
        e task kill -s KILL "$id" || true
        for try in $(seq 50); do
            case $(e task ls) in *"$id "*RUNNING*) sleep 0.1 ;; *) break ;; esac
        done
        e task delete --force "$id" || true
    done >/dev/null 2>&1
    for id in $(e container ls -q); do e container delete "$id" >/dev/null 2>&1 || true; done
}

# In place of those of lib.sh: ctr's names come after the image.
# once [FLAGS...] -- COMMAND...
once() {
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1") && shift; done
    shift
    timeout --kill-after 5 60 "${run[@]}" --rm "${flags[@]}" "$image" "once-$BASHPID" "$@"
}
# sleeping [FLAGS...]: the task "con".
sleeping() {
    timeout --kill-after 5 60 "${run[@]}" -d "$@" "$image" con sleep 1000 >/dev/null
    runs() { has RUNNING "$(e task ls)"; }
    until_true runs
}
inside() { e task exec --exec-id "exec-$BASHPID-$RANDOM" "$@"; }

containerd_run_prints() { is hello "$(once -- echo hello)"; }
containerd_exit_status() { ends 7 once -- sh -c 'exit 7'; }
containerd_missing_command_is_told() { has "executable file not found in" "$(ends 1 once -- no-such-command)"; }
containerd_not_executable_is_told() { has "permission denied" "$(ends 1 once -- /etc/passwd)"; }
containerd_terminal() {
    has "/dev/pts/0 30 90" "$(on_terminal "${run[*]} --rm -t $image tty sh -c \"sleep 0.5; echo \\\$(tty) \\\$(stty size)\"" | xargs)"
}
containerd_environment() { is b "$(once --env A=b -- sh -c 'echo $A')"; }
containerd_working_directory() { is /tmp "$(once --cwd /tmp -- pwd)"; }
containerd_user() { is "1000 1000" "$(once --user 1000:1000 -- sh -c 'echo $(id -u) $(id -g)')"; }
containerd_hostname() { is there "$(once --hostname there -- hostname)"; }
containerd_read_only_root() { has "Read-only" "$(ends 1 once --read-only -- touch /x)"; }
containerd_volume() { is "of the host" "$(once --mount type=bind,src=/tmp/volume,dst=/v,options=rbind:ro -- cat /v/file)"; }
containerd_read_only_volume() {
    has "Read-only" "$(ends 1 once --mount type=bind,src=/tmp/volume,dst=/v,options=rbind:ro -- touch /v/x)"
}
containerd_memory_limit() {
    is 33554432 "$(once --memory-limit 33554432 --mount "$cgroups" -- sh -c "$(in_cgroup memory.max memory/memory.limit_in_bytes)")"
}
cgroups=type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro
containerd_cpu_limit() { is 50000 "$(once --cpus 0.5 --mount "$cgroups" -- sh -c "$(in_cgroup cpu.max cpu/cpu.cfs_quota_us)" | cut -d' ' -f1)"; }
containerd_default_capabilities() { has "CapBnd:	00000000a80425fb" "$(once -- grep CapBnd /proc/self/status)"; }
containerd_added_capability() { has "CapBnd:	00000000a82425fb" "$(once --cap-add CAP_SYS_ADMIN -- grep CapBnd /proc/self/status)"; }
containerd_dropped_capability() { has "CapBnd:	00000000a80405fb" "$(once --cap-drop CAP_NET_RAW -- grep CapBnd /proc/self/status)"; }
containerd_privileged() { has "Seccomp:	0" "$(once --privileged -- grep Seccomp: /proc/self/status)"; }
containerd_default_seccomp_profile() { has "Seccomp:	2" "$(once --seccomp -- grep Seccomp: /proc/self/status)"; }
containerd_seccomp_denies() {
    has "Operation not permitted" "$(ends 1 once --seccomp --seccomp-profile /checks/no-mkdir.json -- mkdir /x 2>&1)"
}
containerd_no_new_privileges() { has "NoNewPrivs:	1" "$(once -- grep NoNewPrivs /proc/self/status)"; }
containerd_device() { has "10, 229" "$(once --device /dev/fuse -- ls -l /dev/fuse)"; }
containerd_user_namespace_of_its_own() {
    is "0 100000 1000" "$(once --uidmap 0:100000:1000 --gidmap 0:100000:1000 -- cat /proc/self/uid_map | xargs)"
}
containerd_joined_namespace() {
    sleeping
    local pid
    pid=$(e task ls | awk '$1 == "con" { print $2 }')
    has "sleep 1000" "$(once --with-ns "pid:/proc/$pid/ns/pid" -- ps)"
}
containerd_pid_file() {
    sleeping --pid-file /tmp/containerd/pid
    is sleep "$(cat "/proc/$(cat /tmp/containerd/pid)/comm")"
}

containerd_exec() {
    sleeping
    is inside "$(inside con echo inside)"
}
containerd_exec_settings() {
    sleeping
    is "1000 /tmp" "$(inside --user 1000 --cwd /tmp con sh -c 'echo $(id -u) $PWD')"
}
containerd_exec_exit_status() {
    sleeping
    ends 9 inside con sh -c 'exit 9'
}
containerd_exec_missing_command_is_told() {
    sleeping
    has "executable file not found in" "$(ends 1 inside con no-such-command)"
}
containerd_exec_on_a_terminal() {
    sleeping
    has "/dev/pts/" "$(on_terminal "${engine_command[*]} task exec --exec-id tty -t con tty")"
}
containerd_pause_and_resume() {
    sleeping
    e task pause con
    has PAUSED "$(e task ls)"
    e task resume con
    has RUNNING "$(e task ls)"
}
containerd_metrics() {
    sleeping
    has ID "$(e task metrics con)"
}
containerd_processes() {
    sleeping
    has "$(e task ls | awk '$1 == "con" { print $2 }')" "$(e task ps con)"
}
containerd_kill_with_a_signal() {
    timeout --kill-after 5 60 "${run[@]}" -d "$image" con sh -c 'trap "exit 5" USR1; while true; do sleep 0.1; done'
    sleep 0.5
    e task kill -s USR1 con
    stopped() { has STOPPED "$(e task ls)"; }
    until_true stopped
    has "exit code 5" "$(e task delete con 2>&1)"
}
containerd_crashed_shim() {
    sleeping
    local pid
    pid=$(e task ls | awk '$1 == "con" { print $2 }')
    kill -9 "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")"
    gone() { [ ! -d "/proc/$pid" ]; }
    until_true gone
}
