#!/usr/bin/env bash
# capture.sh USR PROFILES: runs Debian's dockerd and containerd, unpacked at USR, and saves the config.json that
# each hands to its runtime: PROFILES/docker.json, docker-every-capability.json, containerd.json and
# containerd-every-capability.json. In the place of the runtime is a script that keeps config.json and fails, so
# that no container is ever made. Part of hack/seccomp-material, which gives it a mount namespace of its own.
set -euo pipefail

profiles=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/creel-capture.XXXXXX")
export PATH=$work/bin:$1/bin:$1/sbin:$PATH
daemons=()

clean_up() {
    local pid
    set +e
    for pid in "${daemons[@]}"; do
        kill "$pid" 2>/dev/null
        wait "$pid"
    done
    awk -v below="$work/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
    rm -rf "$work"
}
trap clean_up EXIT

# until_answers COMMAND...: waits for a daemon.
until_answers() {
    local try
    for try in $(seq 150); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.2
    done
    echo "no answer to: $* ($try tries)" >&2
    tail -n 5 "$work"/*.log >&2
    return 1
}

# The runtime: keeps the bundle's config.json.
cat >"$work/runtime" <<RUNTIME
#!/bin/sh
while [ \$# -gt 0 ]; do
    case \$1 in --bundle | -b) cp "\$2/config.json" "$work/config.json" ;; esac
    shift
done
exit 1
RUNTIME
chmod +x "$work/runtime"
# dockerd looks for a runc, whatever its default runtime is.
mkdir "$work/bin"
ln -s ../runtime "$work/bin/runc"

# given NAME COMMAND...: has an engine make a container, and keeps what it gave the runtime.
given() {
    local name=$1
    shift
    rm -f "$work/config.json"
    "$@" >"$work/$name.log" 2>&1 || true
    if ! grep -q SCMP_ACT "$work/config.json" 2>/dev/null; then
        echo "$name: the runtime was given no profile" >&2
        tail -n 5 "$work"/*.log >&2
        return 1
    fi
    mv "$work/config.json" "$profiles/$name.json"
}

# What the daemons put into /run goes with the mount namespace.
mount -t tmpfs tmpfs /run
mkdir /run/containerd
containerd --root "$work/containerd" --state "$work/state" --address "$work/containerd.sock" >"$work/containerd.log" 2>&1 &
daemons+=($!)
c() { timeout --kill-after=5 60 ctr -a "$work/containerd.sock" "$@"; }
until_answers c version

echo '{}' >"$work/daemon.json"
dockerd --config-file "$work/daemon.json" --containerd "$work/containerd.sock" -H "unix://$work/docker.sock" \
    --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/pid" --iptables=false --ip6tables=false \
    --bridge=none --storage-driver vfs --add-runtime "keeps=$work/runtime" --default-runtime keeps >"$work/docker.log" 2>&1 &
daemons+=($!)
d() { timeout --kill-after=5 60 docker -H "unix://$work/docker.sock" "$@"; }
until_answers d version

mkdir -p "$work/rootfs/bin"
cp "$(command -v busybox)" "$work/rootfs/bin/true"
tar -C "$work/rootfs" -c . | d import - localhost/image >/dev/null
given docker d run --rm --network none localhost/image /bin/true
given docker-every-capability d run --rm --network none --cap-add ALL localhost/image /bin/true
# ctr takes a folder as it is, without an image.
ctr_run() { c run --seccomp --runc-binary "$work/runtime" "${@:2}" --rootfs "$work/rootfs" "$1" /bin/true; }
given containerd ctr_run one
given containerd-every-capability ctr_run two --cap-add CAP_SYS_ADMIN --cap-add CAP_SYS_PTRACE --cap-add CAP_BPF \
    --cap-add CAP_SYS_MODULE --cap-add CAP_SYS_TIME --cap-add CAP_PERFMON --cap-add CAP_SYSLOG --cap-add CAP_SYS_RAWIO
