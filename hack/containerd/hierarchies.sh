# shellcheck shell=bash
# The view of version 1's cgroups that containerd wants, for its statistics above all. In a mount namespace of its own,
# before the mounts are shared. Source it, after hack/lib.sh.

# show_hierarchies COPY: containerd wants to see all of version 1's hierarchies that the kernel has. Those that this machine does
# not mount are mounted in a copy of /sys/fs/cgroup.
show_hierarchies() {
    local entry names copy=$1
    local -a missing
    mapfile -t missing < <(awk -F : '$2 != "" && $2 !~ /^name=/ { print $2 }' /proc/self/cgroup | while read -r names; do
        awk -v names="$names" '$0 ~ " - cgroup .*[, ]" names "(,|$)" { found = 1 } END { exit found }' /proc/self/mountinfo && say "$names"
    done)
    [ ${#missing[@]} != 0 ] || return 0
    mkdir "$copy"
    mount -t tmpfs -o mode=755 cgroups "$copy"
    for entry in /sys/fs/cgroup/*; do
        if [ -L "$entry" ]; then
            cp -P "$entry" "$copy"
        else
            mkdir "$copy/${entry##*/}"
            mount --rbind "$entry" "$copy/${entry##*/}"
        fi
    done
    for names in "${missing[@]}"; do
        mkdir "$copy/$names"
        mount -t cgroup -o "$names" cgroup "$copy/$names"
    done
    mount --rbind "$copy" /sys/fs/cgroup
    umount -l "$copy"
}
