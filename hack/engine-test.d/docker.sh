# shellcheck shell=bash
# Docker: its daemon, and the features that only it has.
# shellcheck disable=SC2154,SC2034,SC2317
engine_command=(docker)
run=(docker run --runtime "${runtime:-}")

start_engine() {
    mkdir -p /etc/docker
    # shellcheck disable=SC2094  # the name of the block is that of the file
    documented /etc/docker/daemon.json >/etc/docker/daemon.json
    dockerd --iptables=false --ip6tables=false --bridge=none --debug >/results/dockerd.log 2>&1 &
    daemon=$!
    until_true docker version || {
        tail -n 5 /results/dockerd.log >&2
        exit 1
    }
    docker import /tmp/image.tar "$image" >/dev/null
}

stop_engine() {
    kill "$daemon"
    wait "$daemon" || true
}

remove_all() {
    docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1 || true
}

docker_update() {
    started con --memory 64m "$image" sleep 1000
    e update --memory 32m --memory-swap 32m --cpus 0.5 con >/dev/null
    is 33554432 "$(e exec con sh -c "$(in_cgroup memory.max memory/memory.limit_in_bytes)")"
}

docker_restart_policy() {
    started con --restart on-failure:2 "$image" false
    restarts() { [ "$(e inspect -f '{{.RestartCount}} {{.State.Status}}' con)" = "2 exited" ]; }
    until_true restarts
}

docker_health_check() {
    started con --health-cmd true --health-interval 1s "$image" sleep 1000
    healthy() { [ "$(e inspect -f '{{.State.Health.Status}}' con)" = healthy ]; }
    until_true healthy
}

docker_cgroup_parent() {
    has /creel-engines-parent/ "$(once --cgroup-parent /creel-engines-parent --cgroupns host "$image" cat /proc/self/cgroup)"
    find /sys/fs/cgroup -depth -type d -name creel-engines-parent -exec rmdir {} + 2>/dev/null || true
}

docker_hundred_short_lived() {
    local n
    for n in $(seq 100); do
        once "$image" true &
        if [ $((n % 8)) = 0 ]; then wait; fi
    done
    wait
}

docker_logs_and_attach() {
    started con -i "$image" sh -c 'echo one; read x; echo got'
    said() { has one "$(e logs con)"; }
    until_true said
}

docker_runtime_is_in_info() { has creel "$(e info)"; }
