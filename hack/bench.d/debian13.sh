#!/bin/bash
# Fetches crun and runc of Debian 13 (trixie) from Debian's archive into a cache directory, without
# installing anything, and prints the directory that has them as `crun` and `runc`.
#
# They come with the libraries they were built against. So that they start exactly as an installed
# program does (the kernel loads the named interpreter, no wrapper in between), patchelf writes the
# cached ld.so and library directory into copies of the programs. What patchelf itself costs can be
# seen by patching the host's own crun in the same way: `hack/bench.d/debian13.sh --control`.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/creel-bench/debian13
say() { printf 'debian13: %s\n' "$*" >&2; }

# shellcheck source=hack/trixie.sh
. "$(dirname "$0")/../trixie.sh"

fetch() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir "$work/root"
    say "fetching crun and runc of Debian 13"
    trixie_begin "$work"
    trixie_apt install -y --download-only --no-install-recommends crun runc >/dev/null
    for package in "$work"/cache/archives/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root" --keep-directory-symlink
    done
    rm -rf "$cache"
    mkdir -p "$cache/bin"
    cp -a "$work/root/usr/lib" "$cache/lib"
    fetch_patchelf
    patch "$work/root/usr/bin/crun" "$cache/bin/crun" "$cache/lib"
    patch "$work/root/usr/sbin/runc" "$cache/bin/runc" "$cache/lib"
}

# The host's release has a patchelf; it is unpacked, not installed.
fetch_patchelf() {
    (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download patchelf)
    dpkg-deb -x "$work"/patchelf_*.deb "$work/patchelf"
    cp "$work/patchelf/usr/bin/patchelf" "$cache/patchelf"
}

# patch PROGRAM COPY LIBRARIES
patch() {
    local libraries=("$3"/*-linux-gnu)
    local interpreter=("${libraries[0]}"/ld-linux*.so.*)
    cp "$1" "$2"
    "$cache/patchelf" --set-interpreter "${interpreter[0]}" "$2"
    "$cache/patchelf" --force-rpath --set-rpath "${libraries[0]}" "$2"
}

[ -x "$cache/bin/runc" ] || fetch
if [ "${1:-}" = --control ]; then
    # The host's crun with its own libraries, patched in the same way.
    mkdir -p "$cache/control/lib/host-linux-gnu"
    ldd /usr/bin/crun | grep -o '/[^ ]*' | xargs -I{} cp -L {} "$cache/control/lib/host-linux-gnu/"
    patch /usr/bin/crun "$cache/control/crun" "$cache/control/lib"
    echo "$cache/control"
else
    echo "$cache/bin"
fi
