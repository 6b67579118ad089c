# shellcheck shell=bash
# The Debian 13 in which the engines run. Source it, after hack/lib.sh.

# The number is raised when the tree has to be made anew.
ENGINES_TREE=engines-2

# engines_tree: its path; made in the cache when it is not there.
engines_tree() {
    local tree
    tree=$(cache_dir)/$ENGINES_TREE
    if [ ! -d "$tree" ]; then
        need mmdebstrap mmdebstrap
        step "making a Debian 13 with Docker, Podman and containerd in $tree" >&2
        mkdir -p "$(dirname "$tree")"
        rm -rf "$tree.new"
        mmdebstrap --quiet --variant=minbase \
            --include=docker.io,docker-cli,docker-compose,podman,containerd,runc,crun,catatonit,busybox-static,iptables,iproute2,uidmap,netavark,nftables,procps,jq,bsdutils,systemd \
            trixie "$tree.new" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >&2
        mv "$tree.new" "$tree"
    fi
    say "$tree"
}

# engines_cgroups: the parents of containers' cgroups that engines make, and leave when they end.
engines_cgroups() {
    find /sys/fs/cgroup -maxdepth 2 -type d \( -name docker -o -name libpod_parent -o -name 'creel-engines*' \) 2>/dev/null
}

# remove_cgroups [PARENTS]: those that are not among these, of engines that this machine may have running.
remove_cgroups() {
    { engines_cgroups | grep -vxF "${1:-none}" || true; } | while read -r parent; do
        find "$parent" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}
