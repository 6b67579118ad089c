# shellcheck shell=bash
# apt on Debian 13 (trixie), whatever this system is: lists and packages in a directory of their own, which
# the system's apt does not see. Source it.

# trixie_begin DIR: makes lists in DIR and fetches them.
trixie_begin() {
    trixie=$1
    mkdir -p "$trixie"/{state/lists/partial,cache/archives/partial,preferences}
    : >"$trixie/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${DEBIAN_MIRROR:-http://deb.debian.org/debian} trixie main" \
        >"$trixie/sources.list"
    trixie_apt update
}

# trixie_apt ARGS...: apt-get with these lists.
trixie_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$trixie/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferencesparts="$trixie/preferences" -o Dir::State="$trixie/state" \
        -o Dir::State::status="$trixie/status" -o Dir::Cache="$trixie/cache" \
        -o APT::Sandbox::User=root -o APT::Architecture="$(dpkg --print-architecture)" "$@"
}
