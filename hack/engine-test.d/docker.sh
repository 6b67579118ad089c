# shellcheck shell=bash
# Docker: its daemon, and the features that only it has.
# shellcheck disable=SC2154,SC2034,SC2317
engine_command=(docker)
run=(docker run --runtime "${runtime:-}")

daemon_log=/results/dockerd.log
# What the machine's network is asked for by itself is none of the checks'.
no_network=(--iptables=false --ip6tables=false --bridge=none)

start_engine() {
    mkdir -p /etc/docker
    # shellcheck disable=SC2094  # the name of the block is that of the file
    documented /etc/docker/daemon.json | jq "${more_runtimes:-.}" >/etc/docker/daemon.json
    start_dockerd
    make_outer
    docker import /tmp/image.tar "$image" >/dev/null
    docker import /tmp/outer.tar "$outer" >/dev/null
}

# start_dockerd FLAGS...
start_dockerd() {
    dockerd "${no_network[@]}" --debug "$@" >"$daemon_log" 2>&1 &
    daemon=$!
    until_true docker version || {
        tail -n 5 "$daemon_log" >&2
        exit 1
    }
}

stop_engine() {
    kill "$daemon"
    wait "$daemon" || true
}

# second_dockerd FLAGS...: one more, for the commands of the check that calls this, with which it ends.
second_dockerd() {
    daemon_log=/tmp/dockerd-2.log
    export DOCKER_HOST=unix:///run/docker-2.sock
    start_dockerd --host "$DOCKER_HOST" --data-root /tmp/docker-2 --exec-root /run/docker-2 --pidfile /run/docker-2.pid "$@"
    # shellcheck disable=SC2064  # now
    trap "remove_all; kill $daemon; wait $daemon || true" EXIT
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

# Each has an end of its own. What it prints may be lost in dockerd when so many end (one of 200 was, with runc too).
docker_hundred_short_lived() {
    local n
    for n in $(seq 100); do
        { once "$image" sh -c "exit $n" || echo "ended with $?"; } &>"/tmp/short-$n" &
        if [ $((n % 8)) = 0 ]; then wait; fi
    done
    wait
    for n in $(seq 100); do is "ended with $n" "$(cat "/tmp/short-$n")" || return 1; done
}

# userns-remap is for all of a daemon's containers.
docker_user_namespace_of_its_own() {
    grep -q ^remapped: /etc/passwd || echo remapped:x:4321:4321::/:/bin/false >>/etc/passwd
    grep -q ^remapped: /etc/group || echo remapped:x:4321: >>/etc/group
    echo remapped:300000:65536 | tee /etc/subuid >/etc/subgid
    second_dockerd --userns-remap remapped
    docker import /tmp/image.tar "$image" >/dev/null
    started con -v /tmp/volume:/v "$image" sleep 1000
    is "0 300000 65536" "$(e exec con cat /proc/self/uid_map | xargs)"
    # shellcheck disable=SC2016  # for the shell in the container
    is "0 of the host" "$(e exec con sh -c 'echo $(id -u) $(cat /v/file)')"
    is 300000 "$(stat -c %u "/proc/$(e inspect -f '{{.State.Pid}}' con)")"
    has "ermission denied" "$(ends 1 e exec con touch /v/of-root)"
    is "0 0 4294967295" "$(once --userns host "$image" cat /proc/self/uid_map | xargs)"
}

docker_logs_and_attach() {
    started con -i "$image" sh -c 'echo one; read x; echo got'
    said() { has one "$(e logs con)"; }
    until_true said
}

docker_runtime_is_in_info() { has creel "$(e info)"; }

docker_compose() {
    mkdir -p /tmp/compose
    cat >/tmp/compose/compose.yaml <<END
services:
  one:
    image: $image
    runtime: $runtime
    network_mode: none
    command: [sh, -c, "echo of one; exec sleep 1000"]
    volumes: ["/tmp/volume:/v:ro"]
    deploy: { resources: { limits: { pids: 20 } } }
    healthcheck: { test: [CMD, test, -e, /v/file], interval: 1s }
  two:
    image: $image
    runtime: $runtime
    network_mode: none
    command: [sleep, "1000"]
    depends_on: { one: { condition: service_healthy } }
END
    compose() { e compose --project-name checks --file /tmp/compose/compose.yaml "$@"; }
    compose up --detach >/dev/null 2>&1
    is "one two" "$(compose ps --services --filter status=running | sort | xargs)"
    is "of the host" "$(compose exec -T one cat /v/file)"
    is 20 "$(compose exec -T one sh -c "$(in_cgroup pids.max pids/pids.max)")"
    has "of one" "$(compose logs one)"
    compose restart --timeout 0 two >/dev/null 2>&1
    is two "$(compose ps --services --filter status=running two)"
    compose down --timeout 0 >/dev/null 2>&1
    is "" "$(e ps -aq)"
}

docker_docker_in_docker() {
    # The inner daemon's runtimes are this one's; the word "inner" is in no log of its own.
    cat >/tmp/inner <<END
dockerd ${no_network[*]} >/tmp/dockerd.log 2>&1 &
for try in \$(seq 100); do docker version >/dev/null 2>&1 && break; sleep 0.1; done
docker import /image.tar $image >/dev/null
docker run --runtime $runtime --rm --network none $image echo inner container
docker run --runtime $runtime -d --name con --network none --pids-limit 20 $image sleep 1000 >/dev/null
echo inner exec \$(docker exec con sh -c "$(in_cgroup pids.max pids/pids.max)")
docker run --runtime $runtime --rm --network none $image no-such-command 2>/dev/null
echo inner code \$?
docker rm -f con >/dev/null
kill %1
wait
END
    is "inner container inner exec 20 inner code 127" "$(
        once --privileged --tmpfs /run --tmpfs /tmp:exec -v /var/lib/docker -v /usr:/usr:ro -v /tmp/inner:/inner:ro \
            -v /tmp/image.tar:/image.tar:ro -v /etc/docker:/etc/docker:ro "$outer" bash /inner | xargs
    )"
}

systemd_on_cgroup2() {
    # The daemon that is up does not see this view, so one more does it here.
    if [ -n "${CGROUP2_VIEW:-}" ]; then
        second_dockerd
        docker import /tmp/outer.tar "$outer" >/dev/null
    fi
    started con --privileged --tmpfs /run --tmpfs /tmp -v /usr:/usr:ro "$outer" /usr/lib/systemd/systemd
    look_into_systemd
}
