# shellcheck shell=bash
# The checks, check_* and, with --all, more_*. Each runs in a shell with -e: what fails ends it.
# Part of hack/containerd-test, which sets work, namespace, image, runtime, snapshotter and daemon.
# shellcheck disable=SC2154
# The $ in single quotes are for the shell in the container.
# shellcheck disable=SC2016

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] || {
        say "$1: expected \"$2\", got \"$3\""
        return 1
    }
}

# status_of ID: RUNNING, STOPPED, PAUSED, or nothing.
status_of() { c task ls | awk -v id="$1" '$1 == id { print $3 }'; }

# until_status ID STATUS
until_status() {
    local try
    for try in $(seq 50); do
        [ "$(status_of "$1")" != "$2" ] || return 0
        sleep 0.1
    done
    say "$1 is \"$(status_of "$1")\" after $try looks, not $2"
    return 1
}

# detached ID: a container that sleeps.
detached() {
    run -d -- "$1" sleep 1000 && until_status "$1" RUNNING
}

# remove ID: kill, wait, delete.
remove() {
    c task kill -s SIGKILL "$1"
    until_status "$1" STOPPED
    # Its exit code is the container's, 137.
    c task delete "$1" >/dev/null || true
    c container delete "$1"
}

check_run_prints() { expect output "hello from busybox" "$(run --rm -- run1 sh -c 'echo hello from $(basename $(readlink /bin/sh))')"; }

check_run_is_isolated() {
    expect "pid, mounts of this machine seen" "1 0" \
        "$(run --rm -- run2 sh -c "echo \$\$ \$(grep -c ' /sys/kernel/security \| $work' /proc/self/mountinfo)")"
}

check_exit_status() {
    local code=0
    run --rm -- run3 sh -c 'exit 7' || code=$?
    expect "exit code" 7 $code
}

check_killed_child() {
    local code=0
    run --rm -- run4 sh -c 'kill -9 $$' || code=$?
    # A process cannot kill the init of its own pid namespace, so the shell goes on and ends with 0.
    expect "exit code of an init that kills itself" 0 $code
    code=0
    run --rm -- run5 sh -c 'sh -c "kill -9 \$\$"; exit $?' || code=$?
    expect "exit code of a killed child" 137 $code
}

check_missing_command() {
    local code=0 output
    output=$(run --rm -- run6 /no/such/command 2>&1) || code=$?
    c container delete run6 >/dev/null 2>&1 || true
    expect "exit code" 1 $code
    grep -q 'no such file or directory\|executable file not found' <<<"$output" || {
        say "the message does not say what is missing: $output"
        return 1
    }
}

check_detached_and_kill() {
    detached long1
    expect "output of a signal to a running task" "" "$(c task kill -s SIGKILL long1 2>&1)"
    until_status long1 STOPPED
    c task delete long1 >/dev/null || expect "exit code of task delete" 137 $?
    c container delete long1
}

check_exec() {
    local code=0
    detached long2
    expect "output of exec" "1 in there" "$(c task exec --exec-id e1 long2 sh -c 'echo $(pidof sleep) in there')"
    c task exec --exec-id e2 long2 sh -c 'exit 9' || code=$?
    expect "exit code of exec" 9 $code
    remove long2
}

check_many_at_once() {
    local n
    local -a pids=()
    for n in 1 2 3 4 5 6; do
        run --rm -- "many$n" sh -c "echo number $n" >"$work/many$n" 2>&1 &
        pids+=($!)
    done
    for n in "${pids[@]}"; do wait "$n" || true; done
    for n in 1 2 3 4 5 6; do expect "output $n" "number $n" "$(cat "$work/many$n")" || return 1; done
}

more_pause_and_resume() {
    detached long3
    c task pause long3
    until_status long3 PAUSED
    c task resume long3
    until_status long3 RUNNING
    remove long3
}

more_metrics() {
    detached long4
    c task metrics long4 | grep -q '^memory\|^pids\|memory.usage' || {
        say "no numbers: $(c task metrics long4 2>&1)"
        remove long4
        return 1
    }
    remove long4
}

more_ps() {
    detached long5
    c task ps long5 | awk 'NR > 1 { found = 1 } END { exit !found }' || {
        say "task ps lists no process"
        remove long5
        return 1
    }
    remove long5
}

more_limits() {
    expect "memory limit seen from outside" 67108864 "$(
        run -d --memory-limit 67108864 -- long6 sleep 1000 >&2
        cat /sys/fs/cgroup/memory/"$namespace"/long6/memory.limit_in_bytes \
            /sys/fs/cgroup/"$namespace"/long6/memory.max 2>/dev/null || true
    )"
    remove long6
}

more_terminal() {
    have script || apt_install bsdutils
    local command
    command="ctr -a $work/ctd.sock -n $namespace run --rm -t --snapshotter $snapshotter --runc-binary $runtime"
    command+=" --runc-root $work/runtime --env CREEL_TEST_MARK=$CREEL_TEST_MARK $image tty1 sh -c 'tty; test -t 0 && echo terminal'"
    expect "output" "/dev/pts/0 terminal" \
        "$(timeout --kill-after=5 60 script -qec "$command" /dev/null </dev/null | sed 's/\^@//' | tr -cd '[:print:]\n' | tr '\n' ' ' | sed 's/ $//')"
}

more_crashed_shim() {
    detached long7
    local pid shim
    pid=$(c task ls | awk '$1 == "long7" { print $2 }')
    shim=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")
    grep -q containerd-shim "/proc/$shim/cmdline" || {
        say "the parent of the container is not the shim"
        return 1
    }
    kill -9 "$shim"
    local try
    for try in $(seq 50); do
        [ -d "/proc/$pid" ] || break
        [ "$try" != 50 ] || {
            say "the container lives on after its shim"
            kill -9 "$pid"
            return 1
        }
        sleep 0.1
    done
    c task delete --force long7 >/dev/null 2>&1 || true
    c container delete long7
}
