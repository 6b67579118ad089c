# shellcheck shell=bash
# Podman as root, and the features that only it has.
# shellcheck disable=SC2154,SC2034,SC2317
# --runtime is a flag of podman itself, a path, and no container's.
declare -p podman >/dev/null 2>&1 || podman=(podman)
# Of a Podman in a container, too.
flags=(--cgroup-manager cgroupfs --runtime "$(command -v "${runtime:-runc}")")
engine_command=("${podman[@]}" "${flags[@]}")
if [ -n "${COMMAND_LOG:-}" ]; then engine_command=(/checks/logged "$COMMAND_LOG" "${engine_command[@]}" --log-level debug); fi
run=("${engine_command[@]}" run)

export PODMAN_IGNORE_CGROUPSV1_WARNING=1

start_engine() {
    configure
    for file in /etc/subuid /etc/subgid; do echo "containers:100000:65536" >>$file; done
    make_outer
    import_images
}

configure() {
    mkdir -p /etc/containers
    # shellcheck disable=SC2094  # the name of the block is that of the file
    documented /etc/containers/containers.conf >/etc/containers/containers.conf
    # The limits that Podman asks for by itself need CAP_SYS_RESOURCE.
    mkdir -p /etc/containers/containers.conf.d
    printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' >/etc/containers/containers.conf.d/limits.conf
}

import_images() {
    "${podman[@]}" import /tmp/image.tar "$image" >/dev/null 2>&1
    "${podman[@]}" import /tmp/outer.tar "$outer" >/dev/null 2>&1
}

stop_engine() { :; }

# logs_of_commands FILE: these again, for what they log alone.
logs_of_commands() {
    local feature
    : >"$1"
    for feature in run_prints exit_status missing_command_is_127 not_executable_is_126 memory_limit volume read_only_root user_by_name \
        default_seccomp_profile device terminal exec exec_settings exec_exit_status exec_on_a_terminal pause_and_unpause \
        stop_and_start kill_with_a_signal remove_by_force logs healthcheck_run pod_shares_namespaces kube_play; do
        is_asked_for $feature || continue
        COMMAND_LOG=$1 /checks/run "$engine" "$(check_of $feature)" >/dev/null 2>&1 || true
        COMMAND_LOG=$1 /checks/run "$engine" remove_all
    done
}

remove_all() {
    e pod rm -t 0 -fa >/dev/null 2>&1 || true
    e rm -t 0 -fa >/dev/null 2>&1 || true
}

podman_pod_shares_namespaces() {
    e pod create --name p --share ipc,uts,pid --network host >/dev/null
    e run -d --pod p --name pc --network none "$image" sleep 1000 >/dev/null
    has "sleep 1000" "$(e exec pc ps)"
    has "catatonit" "$(e exec pc ps)"
}

podman_user_namespace_of_its_own() {
    is "0 100000 1000" "$(once --uidmap 0:100000:1000 --gidmap 0:100000:1000 "$image" cat /proc/self/uid_map | xargs)"
}

podman_user_namespace_auto() { has "uid=0(root)" "$(once --userns auto:size=1000 "$image" id)"; }

podman_id_mapped_volume() {
    is 0 "$(once --uidmap 0:100000:1000 --gidmap 0:100000:1000 -v /tmp/volume:/v:idmap "$image" stat -c %u /v/file)"
}

podman_kube_play() {
    cat >/tmp/kube.yaml <<END
apiVersion: v1
kind: Pod
metadata: { name: kube }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  hostNetwork: true
  containers:
  - { name: a, image: localhost/$image:latest, imagePullPolicy: Never, command: [sleep, "1000"] }
  - { name: b, image: localhost/$image:latest, imagePullPolicy: Never, command: [sh, -c, "echo of b; sleep 1000"] }
END
    e kube play /tmp/kube.yaml >/dev/null
    said() { has "of b" "$(e logs kube-b)"; }
    until_true said
    e kube down /tmp/kube.yaml >/dev/null
}

podman_generate_systemd() {
    started con "$image" sleep 1000
    has "ExecStart" "$(e generate systemd con 2>/dev/null)"
}

podman_healthcheck_run() {
    started con --health-cmd 'test -e /etc/passwd' --health-interval disable "$image" sleep 1000
    e healthcheck run con
}

# no_own_limit: without the limit that Podman asks for by itself, where there may be no controller for it.
no_own_limit() {
    printf '[containers]\npids_limit = 0\n' >/tmp/no-limit.conf
    export CONTAINERS_CONF_OVERRIDE=/tmp/no-limit.conf
}

systemd_on_cgroup2() {
    if [ -n "${CGROUP2_VIEW:-}" ]; then
        no_own_limit
        trap remove_all EXIT
    fi
    # By the name of the program Podman knows what it is.
    started con -v /usr:/usr:ro "$outer" /usr/lib/systemd/systemd
    look_into_systemd
}

podman_podman_in_podman() {
    cat >/tmp/inner <<END
podman="podman ${flags[*]}"
podman import /image.tar $image >/dev/null 2>&1
\$podman run --rm --network none $image echo inner container
\$podman run -d --name con --network none $image sleep 1000 >/dev/null
echo inner exec \$(\$podman exec con id -u)
\$podman run --rm --network none $image no-such-command 2>/dev/null
echo inner code \$?
\$podman rm -t 0 -f con >/dev/null
END
    is "inner container inner exec 0 inner code 127" "$(
        once --privileged --tmpfs /run --tmpfs /tmp:exec -v /var/lib/containers -v /usr:/usr:ro -v /tmp/inner:/inner:ro \
            -v /tmp/image.tar:/image.tar:ro "$outer" bash /inner | xargs
    )"
}

# A unit that Podman's generator makes, started and stopped by a systemd, in a container of its own since this tree has none.
podman_quadlet() { with_cgroup2 quadlet_on_cgroup2; }
quadlet_on_cgroup2() {
    no_own_limit
    trap remove_all EXIT
    mkdir -p /tmp/quadlet
    cat >/tmp/quadlet/checks.container <<END
[Unit]
DefaultDependencies=no
[Container]
ContainerName=inner
Image=$image
Exec=sh -c "echo of quadlet; exec sleep 1000"
Network=none
GlobalArgs=${flags[*]}
[Service]
Environment=CONTAINERS_CONF_OVERRIDE=/no-limit.conf
ExecStartPre=podman import /image.tar $image
END
    started con --privileged -v /usr:/usr:ro -v /tmp/quadlet:/etc/containers/systemd:ro -v /tmp/image.tar:/image.tar:ro \
        -v /tmp/no-limit.conf:/no-limit.conf:ro -v /var/lib/containers "$outer" /usr/lib/systemd/systemd
    up() { is running "$(e exec con systemctl is-system-running)"; }
    until_true up
    e exec con systemctl start checks || e exec con journalctl -n 20 --no-pager
    is active "$(e exec con systemctl is-active checks)"
    inner() { e exec con podman "${flags[@]}" "$@"; }
    is "in there" "$(inner exec inner echo in there)"
    is "of quadlet" "$(inner logs inner)"
    # shellcheck disable=SC2016  # for the shell in the container
    has checks.service "$(e exec con sh -c 'cat /proc/$(pidof -s sleep)/cgroup')"
    e exec con systemctl stop checks
    is "" "$(inner ps -aq)"
}
