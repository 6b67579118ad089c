# shellcheck shell=bash
# A containerd of our own: finding it, starting it, and ctr on it.
# Part of hack/containerd-test and hack/cri-test, which set work, namespace, image, runtime, snapshotter and daemon.
# shellcheck disable=SC2154

# unpacked PACKAGE PROGRAM: the cache's folder of a Debian package that has this program, unpacked.
unpacked() {
    local cache
    cache=$(cache_dir)/$1
    if [ ! -x "$cache/$2" ]; then
        have apt-get || die "there is no apt-get to fetch Debian's $1 with"
        refresh_apt
        step "fetching Debian's $1 into $cache" >&2
        mkdir -p "$cache"
        (cd "$cache" && apt-get download -qq "$1" >&2 2>/dev/null) || die "apt-get download $1 failed"
        dpkg-deb -x "$(find "$cache" -maxdepth 1 -name '*.deb' | sort -V | tail -n 1)" "$cache"
        rm -f "$cache"/*.deb
    fi
    say "$cache"
}

# find_containerd: puts the folder of containerd, ctr and the shim in front of PATH.
find_containerd() {
    have containerd && have ctr && have containerd-shim-runc-v2 && return 0
    local tree
    tree=$(unpacked containerd usr/bin/containerd)
    export PATH="$tree/usr/bin:$PATH"
}

# await_daemon LOG: until it answers; what it said last when it does not.
await_daemon() {
    local try
    for try in $(seq 100); do
        if ctr -a "$work/ctd.sock" version >/dev/null 2>&1; then return; fi
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 5 "$1" >&2
    die "containerd did not come up ($try looks)"
}

start_daemon() {
    cat >"$work/config.toml" <<END
version = 2
root = "$work/root"
state = "$work/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"
]
[grpc]
  address = "$work/ctd.sock"
[debug]
  level = "debug"
END
    containerd --config "$work/config.toml" </dev/null >"$work/containerd.log" 2>&1 &
    daemon=$!
    await_daemon "$work/containerd.log"
}

# c ARGS...: ctr on our daemon in our namespace; says why when it hangs instead of waiting for ever.
c() { timeout --kill-after=5 60 ctr -a "$work/ctd.sock" -n "$namespace" "$@" </dev/null; }

# marked_processes: pids of all that came from our daemon, without the daemon itself and our own.
marked_processes() {
    local environ pid
    for environ in /proc/[0-9]*/environ; do
        pid=${environ#/proc/} pid=${pid%/environ}
        case $pid in "$daemon" | "$$" | "$BASHPID") continue ;; esac
        if tr '\0' '\n' 2>/dev/null <"$environ" | grep -qx "CREEL_TEST_MARK=$CREEL_TEST_MARK"; then
            # Our own subshells and pipes inherit the mark too; they are children of this script.
            [ "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status" 2>/dev/null)" = $$ ] || say "$pid"
        fi
    done
}

# run FLAGS... -- ID COMMAND...: ctr run with the runtime under test.
run() {
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    c run --snapshotter "$snapshotter" --runc-binary "$runtime" --runc-root "$work/runtime" \
        --env "CREEL_TEST_MARK=$CREEL_TEST_MARK" "${flags[@]}" "$image" "$@"
}
