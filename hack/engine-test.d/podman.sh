# shellcheck shell=bash
# Podman as root, and the features that only it has.
# shellcheck disable=SC2154,SC2034,SC2317
# --runtime is a flag of podman itself, a path, and no container's.
engine_command=(podman --cgroup-manager cgroupfs --runtime "$(command -v "${runtime:-runc}")")
run=("${engine_command[@]}" run)

export PODMAN_IGNORE_CGROUPSV1_WARNING=1

start_engine() {
    mkdir -p /etc/containers
    # shellcheck disable=SC2094  # the name of the block is that of the file
    documented /etc/containers/containers.conf >/etc/containers/containers.conf
    # The limits that Podman asks for by itself need CAP_SYS_RESOURCE.
    mkdir -p /etc/containers/containers.conf.d
    printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' >/etc/containers/containers.conf.d/limits.conf
    for file in /etc/subuid /etc/subgid; do echo "containers:100000:65536" >>$file; done
    podman import /tmp/image.tar "$image" >/dev/null 2>&1
}

stop_engine() { :; }
remove_all() {
    e pod rm -t 0 -fa >/dev/null 2>&1 || true
    e rm -t 0 -fa >/dev/null 2>&1 || true
}

podman_pod_shares_namespaces() {
    e pod create --name p --share ipc,uts,pid --network host >/dev/null
    e run -d --pod p --name pc "$image" sleep 1000 >/dev/null
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
