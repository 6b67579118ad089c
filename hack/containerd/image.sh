# shellcheck shell=bash
# An image of busybox, in the OCI layout.
# Part of hack/containerd-test and hack/cri-test, which set work and image.
# shellcheck disable=SC2154

# blob FILE MEDIATYPE [EXTRA]: adds it to the layout and prints its descriptor.
blob() {
    local digest
    digest=$(sha256sum "$1" | cut -d ' ' -f 1)
    cp "$1" "$work/image/blobs/sha256/$digest"
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s}' "$2" "$digest" "$(stat -c %s "$1")" "${3:-}"
}

# make_image COMMAND: $work/image.tar; the command is a list in JSON.
make_image() {
    local command=$1
    local oci=application/vnd.oci.image rootfs=$work/rootfs architecture layer config manifest
    case "$(uname -m)" in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
    mkdir -p "$work/image/blobs/sha256" "$rootfs"/{bin,dev,etc,proc,sys,tmp}
    install -m 755 "$(command -v busybox)" "$rootfs/bin/busybox"
    "$rootfs/bin/busybox" --install -s "$rootfs/bin"
    # The links must point at the busybox inside, not at this machine's path of it.
    find "$rootfs/bin" -type l -exec ln -sf busybox {} \;
    printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n' >"$rootfs/etc/passwd"
    printf 'root:x:0:\nuser:x:1000:\n' >"$rootfs/etc/group"
    tar --owner=0 --group=0 -C "$rootfs" -cf "$work/layer.tar" .
    layer=$(blob "$work/layer.tar" $oci.layer.v1.tar)
    printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$architecture" "$command" "$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)" >"$work/config.json"
    config=$(blob "$work/config.json" $oci.config.v1+json)
    printf '{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}' \
        $oci.manifest.v1+json "$config" "$layer" >"$work/manifest.json"
    manifest=$(blob "$work/manifest.json" $oci.manifest.v1+json \
        ",\"annotations\":{\"io.containerd.image.name\":\"$image\",\"org.opencontainers.image.ref.name\":\"latest\"}")
    printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" >"$work/image/index.json"
    printf '{"imageLayoutVersion":"1.0.0"}' >"$work/image/oci-layout"
    tar -C "$work/image" -cf "$work/image.tar" .
}

# usable_snapshotter: overlayfs where it works, else the one that copies.
usable_snapshotter() {
    local plugins
    plugins=$(c plugins ls)
    if grep -Eq 'snapshotter.* overlayfs .* ok' <<<"$plugins"; then say overlayfs; else say native; fi
}
