# shellcheck shell=bash
# Containers that hold more than a program: systemd, and engines with containers of their own.
# shellcheck disable=SC2154,SC2034
outer=outer

# make_outer: an image in which this tree's programs run when its /usr is shown there.
make_outer() {
    local dir=/tmp/outer name
    mkdir -p $dir/etc/systemd/system $dir/{dev,proc,root,run,sys,tmp,usr,var/lib,var/tmp}
    for name in bin sbin lib lib64; do ln -sf usr/$name $dir/$name; done
    cp -a /etc/passwd /etc/group /etc/ld.so.cache /etc/containers $dir/etc/
    : >$dir/etc/machine-id
    printf '[Unit]\nDescription=what the checks wait for\nDefaultDependencies=no\n' >$dir/etc/systemd/system/default.target
    tar -c -C $dir . >/tmp/outer.tar
}

# with_cgroup2 CHECK: runs it where /sys/fs/cgroup is cgroup2, as systemd wants it: in a view of its own, if this host has
# version 1.
with_cgroup2() {
    if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
        "$@"
    else
        # shellcheck disable=SC2016  # for the inner shell
        CGROUP2_VIEW=yes unshare --mount --propagation private sh -c 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh \
            /checks/run "$engine" "$@"
    fi
}

both_systemd_container() { with_cgroup2 systemd_on_cgroup2; }

# look_into_systemd: systemd in the container "con" has started all that it should, and does what it is told.
look_into_systemd() {
    # shellcheck disable=SC2317  # by until_true
    up() { is running "$(e exec con systemctl is-system-running)"; }
    until_true up
    is systemd "$(e exec con cat /proc/1/comm)"
    has "State: running" "$(e exec con systemctl status)"
    # A service: in a cgroup of its own below the container's, where exec finds its way back from.
    e exec con systemd-run --quiet --unit sleeper sleep 1000
    is active "$(e exec con systemctl is-active sleeper)"
    # shellcheck disable=SC2016  # for the shell in the container
    has sleeper.service "$(e exec con sh -c 'cat /proc/$(systemctl show --value --property MainPID sleeper)/cgroup')"
    ends 4 e exec con systemctl is-active no-such.service >/dev/null
    e exec con systemctl stop sleeper
}
