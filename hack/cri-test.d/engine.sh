# shellcheck shell=bash
# The daemon: its configuration, its images, its start.
# Part of hack/cri-test.d/inside, which sets the variables.
# shellcheck disable=SC2154,SC2034
test_image=localhost/creel-test:latest
pause_image=localhost/creel-pause:latest

# documented FILE: the block of docs/engines.md for that file.
documented() { awk -v file="$1" -f "$REPO/hack/engine-test.d/documented.awk" "$REPO/docs/engines.md"; }

# documented_handler: the name that the documented RuntimeClass gives to the engine.
documented_handler() { documented runtimeclass.yaml | awk '$1 == "handler:" { print $2 }'; }

# install_runtime: creel is where the documented block says.
install_runtime() {
    mkdir "$work/upper" "$work/overlay" "$work/usr-local-bin"
    mount -t overlay -o "lowerdir=/usr/local/bin,upperdir=$work/upper,workdir=$work/overlay" bin /usr/local/bin
    "$REPO/hack/install" --program "$runtime" --prefix /usr/local >/dev/null
}

# write_config: the documented block, and below it what is this test's own.
write_config() {
    local by_systemd="SystemdCgroup = true"
    if [ "$systemd" = cgroupfs ]; then by_systemd=""; fi
    {
        documented /etc/containerd/config.toml
        # As the document says, the last table is the one for this line.
        say "$by_systemd"
        cat <<END_OF_CONFIG
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    BinaryName = "$beside"
    $by_systemd
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause_image"
  # The pod's usual score is refused where root has no CAP_SYS_RESOURCE.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni"
    conf_dir = "$work/cni"
[plugins."io.containerd.internal.v1.opt"]
  path = "$work/opt"
END_OF_CONFIG
    } >"$work/config.toml"
    mkdir "$work/cni"
    cat >"$work/cni/10-creel.conflist" <<END_OF_CONFIG
{
  "cniVersion": "0.4.0", "name": "creel",
  "plugins": [{
    "type": "bridge", "bridge": "creel0",
    "ipam": { "type": "host-local", "dataDir": "$work/ipam", "ranges": [[{ "subnet": "10.88.0.0/16" }]] }
  }]
}
END_OF_CONFIG
}

start_engine() {
    containerd --config "$work/config.toml" --root "$work/root" --state "$work/state" --address "$work/ctd.sock" \
        --log-level debug </dev/null >"$results/containerd.log" 2>&1 &
    daemon=$!
    await_daemon "$results/containerd.log"
}

# import_images: that of the containers, and one of busybox's sleep for the pods.
import_images() {
    local try
    for image in "$test_image" "$pause_image"; do
        rm -rf "$work/image" "$work/rootfs"
        if [ "$image" = "$pause_image" ]; then make_image '["sleep","1000000"]'; else make_image '["sh"]'; fi
        c image import --snapshotter "$snapshotter" "$work/image.tar" >/dev/null
        # The CRI plugin hears of it.
        for try in $(seq 100); do
            if c image ls "name==$image" | grep -q io.cri-containerd.image=managed; then break; fi
            [ "$try" != 100 ] || die "the CRI plugin does not take over the image $image"
            sleep 0.1
        done
    done
}
