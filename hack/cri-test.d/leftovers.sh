# shellcheck shell=bash
# What pods left, and the end of all.
# Part of hack/cri-test.d/inside, which sets the variables.
# shellcheck disable=SC2154

# leftovers: a line for each process, mount, cgroup, container, snapshot, network and state that is still there.
leftovers() {
    local pid
    for pid in $(marked_processes); do say "process $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" || true)"; done
    awk -v below="$work" '$5 ~ "^(/run/netns|" below "/(root|state|creel|runc))/" { print "mount " $5 }' /proc/self/mountinfo
    find /sys/fs/cgroup -mindepth 2 -type d \( -path "*/$cgroup/*" -o -name 'cri-containerd-*' -path "*$cgroup*" \) -printf 'cgroup %p\n' 2>/dev/null || true
    find /run/containerd/runc -mindepth 2 -maxdepth 2 -printf 'runtime state %p\n' 2>/dev/null || true
    find "$work/state/io.containerd.runtime.v2.task" -mindepth 2 -maxdepth 2 -printf 'bundle %p\n' 2>/dev/null || true
    find "$work/state/io.containerd.grpc.v1.cri/sandboxes" -mindepth 1 -maxdepth 1 -printf 'sandbox %p\n' 2>/dev/null || true
    find "$work/ipam" /run/netns -type f ! -name 'last_reserved_ip*' ! -name lock -printf 'network %p\n' 2>/dev/null || true
    c containers ls -q | sed 's/^/container /'
    c snapshots ls | awk '$3 == "Active" { print "snapshot " $1 }'
}

# nothing_left HANDLER: a line of results. Waits a moment for what the daemon clears up behind its client's back.
nothing_left() {
    local left try
    for try in $(seq 20); do
        left=$(leftovers)
        [ -n "$left" ] || break
        sleep 0.2
    done
    result "nothing_is_left" "$1" "$left" "($try looks)"
}

# result FEATURE HANDLER FAULTS [NOTE]: a line of results, of something that took no time of its own.
result() {
    local outcome=ok
    if [ -n "$3" ]; then outcome=failed; fi
    printf 'cri\t%s\t%s\t%s\t0\t%s\n' "$1" "$2" $outcome "${3:+$(tr '\n\t' '; ' <<<"$3") ${4:-}}"
}

# of_creel_alone: the kinds of warnings with creel that there are not with runc.
of_creel_alone() { comm -13 "$results/warnings-runc" "$results/warnings-creel"; }

# other_warnings: a line of results for each. A daemon may be late by chance, with so many containers at a time: as in
# hack/engine-test what counts comes twice, and what came once is told.
other_warnings() {
    local new
    new=$(of_creel_alone)
    if [ -n "$new" ]; then
        warn "warned of with creel alone, so once more: $(tr '\n' ';' <<<"$new")"
        cp "$results/results" "$results/first"
        observe creel
        mv "$results/first" "$results/results"
        new=$(comm -12 <(printf '%s\n' "$new") <(of_creel_alone))
    fi
    result no_other_warning_in_the_log runc "" >>"$results/results"
    result no_other_warning_in_the_log creel "$new" >>"$results/results"
}

clean_up() {
    local pid
    set +e
    for pid in $(marked_processes); do kill -9 "$pid" 2>/dev/null; done
    for pid in $(find /sys/fs/cgroup -path "*/$cgroup*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u); do
        kill -9 "$pid" 2>/dev/null
    done
    if [ -n "$daemon" ]; then
        kill "$daemon" 2>/dev/null
        wait "$daemon" 2>/dev/null
    fi
    if [ "$systemd" = systemd ]; then systemctl stop "$cgroup.slice" >/dev/null 2>&1; fi
    find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null
    # The mounts end with the namespace; these folders were made below them.
    umount -l /run/containerd /run/netns /var/lib/cni /usr/local/bin
    [ ${#made[@]} = 0 ] || rmdir "${made[@]}" 2>/dev/null
    umount -l "$work" && rmdir "$work"
}
