# shellcheck shell=bash
# What pods left, and the end of all.
# Part of hack/cri-test.d/inside, which sets the variables.
# shellcheck disable=SC2154

# marked: pids of what the daemon started, without the daemon itself.
marked() {
    local environ pid
    for environ in /proc/[0-9]*/environ; do
        pid=${environ#/proc/} pid=${pid%/environ}
        case $pid in "$daemon" | "$$" | "$BASHPID") continue ;; esac
        if tr '\0' '\n' 2>/dev/null <"$environ" | grep -qx "CREEL_TEST_MARK=$CREEL_TEST_MARK"; then
            # Our own subshells and pipes inherit the mark too.
            [ "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status" 2>/dev/null)" = $$ ] || say "$pid"
        fi
    done
}

# leftovers: a line for each process, mount, cgroup, container, snapshot, network and state that is still there.
leftovers() {
    local pid
    for pid in $(marked); do say "process $pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" || true)"; done
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

# other_warnings: what the daemon's log has with creel that it has not with runc.
other_warnings() {
    result no_other_warning_in_the_log runc ""
    result no_other_warning_in_the_log creel "$(comm -13 "$results/warnings-runc" "$results/warnings-creel")"
}

clean_up() {
    local pid
    set +e
    for pid in $(marked); do kill -9 "$pid" 2>/dev/null; done
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
