# shellcheck shell=bash
# A containerd of our own: finding it, starting it, and ctr on it.
# Part of hack/containerd-test, which sets work, namespace, image, runtime, snapshotter and daemon.
# shellcheck disable=SC2154

# find_containerd: puts the folder of containerd, ctr and the shim in front of PATH.
find_containerd() {
    have containerd && have ctr && have containerd-shim-runc-v2 && return 0
    local cache archive
    have apt-get || die "there is no containerd in PATH and no apt-get to fetch Debian's package with"
    cache=$(cache_dir)/containerd
    if [ ! -x "$cache/usr/bin/containerd" ]; then
        refresh_apt
        step "fetching Debian's containerd into $cache" >&2
        mkdir -p "$cache"
        (cd "$cache" && apt-get download -qq containerd >&2 2>/dev/null) || die "apt-get download containerd failed"
        archive=$(find "$cache" -maxdepth 1 -name 'containerd_*.deb' | sort -V | tail -n 1)
        dpkg-deb -x "$archive" "$cache"
        rm -f "$cache"/*.deb
    fi
    export PATH="$cache/usr/bin:$PATH"
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
    local tries=0
    until ctr -a "$work/ctd.sock" version >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ] || ! kill -0 "$daemon" 2>/dev/null; then
            tail -n 5 "$work/containerd.log" >&2
            die "containerd did not come up"
        fi
        sleep 0.1
    done
}

# c ARGS...: ctr on our daemon in our namespace; says why when it hangs instead of waiting for ever.
c() { timeout --kill-after=5 60 ctr -a "$work/ctd.sock" -n "$namespace" "$@" </dev/null; }

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
