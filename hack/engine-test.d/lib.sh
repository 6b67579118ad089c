# shellcheck shell=bash
# What the checks of both engines use; they set run and engine_command.
# shellcheck disable=SC2034,SC2154

image=bb

# documented FILE: the block of docs/engines.md for that file.
documented() { awk -v file="$1" -f /checks/documented.awk /engines.md; }

# make_image: busybox and two users, as a tar file.
make_image() {
    local name dir=/tmp/image
    mkdir -p $dir/bin $dir/etc $dir/tmp $dir/root
    cp /bin/busybox $dir/bin/
    for name in $(busybox --list | grep -vx busybox); do ln -sf busybox "$dir/bin/$name"; done
    printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n' >$dir/etc/passwd
    printf 'root:x:0:\nuser:x:1000:\n' >$dir/etc/group
    mkdir -p /tmp/volume
    echo "of the host" >/tmp/volume/file
    tar -c -C $dir . >/tmp/image.tar
}

# is WANTED GOT
is() {
    [ "$1" = "$2" ] || {
        echo "wanted \"$1\", got \"$2\""
        return 1
    }
}

# has WANTED GOT: GOT contains WANTED.
has() {
    case $2 in *"$1"*) ;; *)
        echo "wanted \"$1\" in \"$2\""
        return 1
        ;;
    esac
}

# ends CODE COMMAND...: prints the output of a command that has to end with this code.
ends() {
    local wanted=$1 code=0 out
    shift
    out=$("$@" 2>&1) || code=$?
    [ $code = "$wanted" ] || {
        echo "wanted exit code $wanted, got $code: $out"
        return 1
    }
    printf '%s\n' "$out"
}

# until_true COMMAND...: a daemon notices things in its own time.
until_true() {
    local try
    for try in $(seq 100); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    echo "not so after $try looks: $*"
    return 1
}

# once ARGS...: a container that is run and removed. started NAME ARGS...: one that stays, detached.
once() { timeout --kill-after 5 60 "${run[@]}" --rm --network none "$@"; }
started() {
    local name=$1
    shift
    timeout --kill-after 5 60 "${run[@]}" -d --name "$name" --network none "$@" >/dev/null
}
e() { timeout --kill-after 5 60 "${engine_command[@]}" "$@"; }

# on_terminal ARGS...: the engine's output on a terminal of 30 lines and 90 columns.
on_terminal() {
    printf 'stty rows 30 cols 90; %s\n' "$*" >/tmp/session
    timeout --kill-after 5 60 script -qec "sh /tmp/session" /dev/null </dev/null | tr -d '\r\000'
}

# in_cgroup V2 V1: what prints a controller's file in the container, whichever version is there.
in_cgroup() { echo "cat /sys/fs/cgroup/$1 2>/dev/null || cat /sys/fs/cgroup/$2"; }

leftovers() {
    local try left
    for try in $(seq 20); do
        left=$(look_for_leftovers)
        [ -n "$left" ] || return 0
        sleep 0.2
    done
    echo "$left ($try looks)"
}

look_for_leftovers() {
    # Of containers, by their ids, and in what this engine makes; those of pods, and conmon's, are Podman's own.
    local parents=docker
    case $engine in podman) parents=libpod_parent ;; rootless | containerd) parents='creel-engines[^/]*' ;; esac
    find /sys/fs/cgroup -type d -regextype posix-extended \
        -regex ".*/$parents/(.*[0-9a-f]{64}(\\.scope)?|once-.*|con|tty)" 2>/dev/null \
        | grep -vE 'libpod_parent/[0-9a-f]{64}$' | grep -vxFf /results/cgroups-before | sed 's/^/cgroup /' || true
    awk '$5 ~ /overlay.*merged|\/shm$/ && $5 !~ /^\/dev/ { print "mount", $5 }' /proc/self/mountinfo
    find /run/docker/runtime-* /run/containerd/runc /run/creel /run/runc /run/user -mindepth 2 -maxdepth 3 -name state.json 2>/dev/null \
        | sed 's/^/state /' || true
    pgrep -af "containerd-shim|conmon|sleep 1000" | sed "s,^,process ," || true
}
