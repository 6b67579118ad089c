# shellcheck shell=bash
# The features that both engines have, a check for each. Each runs in a shell with -e: what fails ends it.
# What run and lib.sh set; functions that until_true calls.
# shellcheck disable=SC2154,SC2317
# The $ in single quotes are for the shell in the container.
# shellcheck disable=SC2016

both_run_prints() { is hello "$(once "$image" echo hello)"; }
both_exit_status() { ends 7 once "$image" sh -c 'exit 7'; }
both_missing_command_is_127() { has "executable file not found in" "$(ends 127 once "$image" no-such-command)"; }
both_not_executable_is_126() { has "permission denied" "$(ends 126 once "$image" /etc/passwd)"; }
both_a_directory_is_126() { has "permission denied" "$(ends 126 once "$image" /etc)"; }
both_standard_input() { is "of the host" "$(once -i "$image" cat </tmp/volume/file)"; }

both_memory_limit() {
    is 33554432 "$(once --memory 32m "$image" sh -c "$(in_cgroup memory.max memory/memory.limit_in_bytes)")"
}
both_cpu_limit() { is 50000 "$(once --cpus 0.5 "$image" sh -c "$(in_cgroup cpu.max cpu/cpu.cfs_quota_us)" | cut -d' ' -f1)"; }
both_pids_limit() { is 20 "$(once --pids-limit 20 "$image" sh -c "$(in_cgroup pids.max pids/pids.max)")"; }
both_no_pids_limit() {
    is max "$(once --pids-limit -1 "$image" sh -c "$(in_cgroup pids.max pids/pids.max)")"
    is max "$(once --pids-limit 0 "$image" sh -c "$(in_cgroup pids.max pids/pids.max)")"
}
both_cpuset() { is 0 "$(once --cpuset-cpus 0 "$image" sh -c "$(in_cgroup cpuset.cpus cpuset/cpuset.cpus)")"; }
both_memory_limit_holds() {
    ends 137 once --memory 16m --memory-swap 16m "$image" dd if=/dev/zero of=/dev/shm/x bs=1M count=40 >/dev/null
}
both_ulimits() { is "123 456" "$(once --ulimit nofile=123:456 "$image" sh -c 'ulimit -n; ulimit -Hn' | xargs)"; }

both_volume() { is "of the host" "$(once -v /tmp/volume:/v "$image" cat /v/file)"; }
both_read_only_volume() { has "Read-only" "$(ends 1 once -v /tmp/volume:/v:ro "$image" touch /v/x)"; }
both_volume_of_a_file() { is "of the host" "$(once -v /tmp/volume/file:/etc/issue:ro "$image" cat /etc/issue)"; }
both_read_only_root() { has "Read-only" "$(ends 1 once --read-only "$image" touch /x)"; }
both_tmpfs_is_for_every_user() { once --read-only --user 1000 --tmpfs /new:size=1m "$image" touch /new/x; }
both_shm_size() { has "size=8192k" "$(once --shm-size 8m "$image" grep /dev/shm /proc/mounts)"; }

both_user() { is "1000 1000" "$(once --user 1000:1000 "$image" sh -c 'echo $(id -u) $(id -g)')"; }
both_user_by_name() { is "1000" "$(once --user user "$image" id -u)"; }
both_additional_groups() { has 4321 "$(once --user 1000 --group-add 4321 "$image" id -G)"; }
both_working_directory() { is /tmp "$(once --workdir /tmp "$image" pwd)"; }
both_environment() { is b "$(once --env A=b "$image" sh -c 'echo $A')"; }
both_hostname() { is there "$(once --hostname there "$image" hostname)"; }

both_default_capabilities() { has "CapEff:	00000000" "$(once "$image" grep CapEff /proc/self/status)"; }
both_no_capabilities() { is 0000000000000000 "$(once --cap-drop ALL "$image" sh -c 'grep CapEff /proc/self/status | cut -f2')"; }
both_one_capability() {
    is 0000000000002000 "$(once --cap-drop ALL --cap-add NET_RAW "$image" sh -c 'grep CapEff /proc/self/status | cut -f2')"
}
both_default_seccomp_profile() { has "Seccomp:	2" "$(once "$image" grep Seccomp: /proc/self/status)"; }
both_seccomp_denies() {
    has "Operation not permitted" "$(ends 1 once --cap-add SYS_ADMIN --security-opt seccomp=/checks/no-mkdir.json "$image" mkdir /x)"
}
both_no_new_privileges() { has "NoNewPrivs:	1" "$(once --security-opt no-new-privileges "$image" grep NoNewPrivs /proc/self/status)"; }
both_sysctl() { is 1 "$(once --sysctl net.ipv4.ip_forward=1 "$image" cat /proc/sys/net/ipv4/ip_forward)"; }
both_device() { has "10, 229" "$(once --device /dev/fuse "$image" ls -l /dev/fuse)"; }
both_device_is_denied() { has "peration not permitted" "$(ends 1 once --cap-add MKNOD "$image" sh -c 'mknod /x c 10 229 && head -c 1 /x')"; }
both_host_pid_namespace() { has containerd-shim "$(once --pid host "$image" ps)" || has conmon "$(once --pid host "$image" ps)"; }
both_host_ipc_and_uts() { is "$(hostname)" "$(once --ipc host --uts host "$image" hostname)"; }
both_private_cgroup_namespace() { has ":/" "$(once --cgroupns private "$image" cat /proc/self/cgroup)"; }
both_init_process() { once --init "$image" ps | grep -qE '^ *1 .*(docker-init|catatonit|podman-init|init)'; }

both_terminal() {
    has "/dev/pts/0 30 90" "$(on_terminal "${run[*]} --rm --network none -it $image sh -c \"sleep 0.5; echo \\\$(tty) \\\$(stty size)\"" | xargs)"
}

both_exec() {
    started con "$image" sleep 1000
    is inside "$(e exec con echo inside)"
}
both_exec_settings() {
    started con "$image" sleep 1000
    is "1000 /tmp b" "$(e exec --user 1000 --workdir /tmp --env A=b con sh -c 'echo $(id -u) $PWD $A')"
}
both_exec_exit_status() {
    started con "$image" sleep 1000
    ends 9 e exec con sh -c 'exit 9'
}
both_exec_missing_command_is_told() {
    started con "$image" sleep 1000
    # Docker answers 126, Podman 127.
    code=0
    said=$(e exec con no-such-command 2>&1) || code=$?
    has "executable file not found in" "$said"
    case $code in 126 | 127) ;; *) is "126 or 127" $code ;; esac
}
both_exec_not_executable_is_126() {
    started con "$image" sleep 1000
    ends 126 e exec con /etc/passwd
}
both_exec_detached() {
    started con "$image" sleep 1000
    e exec -d con touch /tmp/made
    until_true e exec con test -e /tmp/made
}
both_exec_on_a_terminal() {
    started con "$image" sleep 1000
    has "/dev/pts/" "$(on_terminal "${engine_command[*]} exec -it con tty")"
}
both_exec_has_the_profile() {
    started con "$image" sleep 1000
    has "Seccomp:	2" "$(e exec con grep Seccomp: /proc/self/status)"
}

both_top() {
    started con "$image" sleep 1000
    has "sleep 1000" "$(e top con)"
}
both_stats() {
    started con --memory 64m "$image" sleep 1000
    has con "$(e stats --no-stream con)"
}
both_pause_and_unpause() {
    started con "$image" sleep 1000
    e pause con >/dev/null
    is paused "$(e inspect -f '{{.State.Status}}' con)"
    e unpause con >/dev/null
    is running "$(e inspect -f '{{.State.Status}}' con)"
}
both_stop_and_start() {
    started con "$image" sleep 1000
    e stop -t 0 con >/dev/null 2>&1
    is exited "$(e inspect -f '{{.State.Status}}' con)"
    e start con >/dev/null
    is running "$(e inspect -f '{{.State.Status}}' con)"
}
both_restart() {
    started con "$image" sleep 1000
    e restart -t 0 con >/dev/null 2>&1
    is running "$(e inspect -f '{{.State.Status}}' con)"
}
both_kill_with_a_signal() {
    started con "$image" sh -c 'trap "exit 5" USR1; while true; do sleep 0.1; done'
    sleep 0.5
    e kill -s USR1 con >/dev/null
    is 5 "$(e wait con)"
}
both_remove_by_force() {
    started con "$image" sleep 1000
    e rm -f -t 0 con >/dev/null 2>&1 || e rm -f con >/dev/null
    is "" "$(e ps -aq)"
}
both_copy_out_and_in() {
    started con "$image" sleep 1000
    e cp con:/etc/group /tmp/copied
    cmp /tmp/copied /tmp/image/etc/group
    e cp /tmp/copied con:/tmp/back
    e exec con test -s /tmp/back
}
both_logs() {
    started con "$image" echo logged
    e wait con >/dev/null
    is logged "$(e logs con)"
}
both_out_of_memory_is_told() {
    started con --memory 16m --memory-swap 16m "$image" sh -c 'sleep 0.5; dd if=/dev/zero of=/dev/shm/x bs=1M count=40; exit 137'
    is 137 "$(e wait con)"
    told() { is true "$(e inspect -f '{{.State.OOMKilled}}' con)"; }
    until_true told
}
