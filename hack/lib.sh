# shellcheck shell=bash
# What the scripts in this folder share. Source it; it runs nothing by itself.

MIN_RUST=1.85
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
warn() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
    warn "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# version_at_least HAVE WANTED: 1.95.0 is at least 1.85.
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# --- Debian packages ---------------------------------------------------------------------------

# refresh_apt: reads the package lists once per script.
refresh_apt() {
    [ -z "${APT_REFRESHED:-}" ] || return 0
    # A third-party source that does not answer must not stop us: what counts is the install.
    apt-get update -qq >&2 || warn "apt-get update had errors; going on with the lists that are there"
    APT_REFRESHED=1
}

# apt_install PACKAGE...: as root installs them; else says what to type.
apt_install() {
    have apt-get || die "these Debian packages are missing and there is no apt-get here: $*"
    is_root || die "these packages are missing; install them and call again: sudo apt-get install $*"
    refresh_apt
    step "apt-get install $*" >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2 \
        || die "apt-get could not install: $*"
}

# need COMMAND PACKAGE: has COMMAND afterwards.
need() {
    have "$1" || apt_install "$2"
}

# need_busybox: a static busybox, for root file systems. Debian's package "busybox" is a dynamic one.
need_busybox() {
    if ! have busybox || ldd "$(command -v busybox)" 2>/dev/null | grep -q '=>'; then
        apt_install busybox-static
    fi
}

# apt_candidate PACKAGE: the version apt would install, or nothing.
apt_candidate() {
    apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# --- the Rust toolchain ------------------------------------------------------------------------

# rust_version DIR: the version of DIR/rustc when cargo is beside it, or nothing.
rust_version() {
    if [ -x "$1/cargo" ] && [ -x "$1/rustc" ]; then
        "$1/rustc" --version 2>/dev/null | awk '{ print $2 }'
    fi
}

# find_rust: puts the first toolchain that is new enough at the front of PATH.
find_rust() {
    local dir version
    local -a dirs=()
    if have cargo; then dirs+=("$(dirname "$(command -v cargo)")"); fi
    for dir in "${dirs[@]}" "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin" /usr/local/bin /usr/bin; do
        version=$(rust_version "$dir")
        if [ -n "$version" ] && version_at_least "$version" "$MIN_RUST"; then
            export PATH="$dir:$PATH"
            return 0
        fi
    done
    return 1
}

# install_rust: Debian 13 has a new enough rustc; Debian 12 has one for its browsers, rustc-web.
install_rust() {
    local suffix version
    refresh_apt
    for suffix in "" "-web"; do
        version=$(apt_candidate "rustc$suffix")
        if [ -n "$version" ] && version_at_least "$version" "$MIN_RUST"; then
            apt_install "rustc$suffix" "cargo$suffix"
            return 0
        fi
    done
    return 1
}

# choose_rust: cargo and rustc of at least MIN_RUST are first in PATH afterwards, and a linker is there.
choose_rust() {
    if ! find_rust; then
        if have apt-get && is_root; then install_rust || true; fi
        find_rust || die "creel needs Rust $MIN_RUST or newer, and neither PATH nor this system's packages have it.
  Debian 13 and later: apt-get install rustc cargo
  Debian 12, with bookworm-security among apt's sources: apt-get install rustc-web cargo-web
  any other: install a toolchain with rustup, as https://www.rust-lang.org/tools/install says
Then call this again."
    fi
    have cc || apt_install gcc libc6-dev
    # cargo downloads by https, and Debian's does not pull the authorities in.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || ! have apt-get || apt_install ca-certificates
    # A static program needs libc.a, which is in the package of the headers.
    [ -e /usr/include/stdlib.h ] || ! have apt-get || apt_install libc6-dev
}

# need_rust_tool TOOL: rustfmt or clippy for the toolchain chosen before.
need_rust_tool() {
    local tool=$1 package web=""
    # "cargo clippy --version" fails where rustup has a proxy but not the component.
    if cargo "$tool" --version >/dev/null 2>&1; then return 0; fi
    if have rustup; then
        rustup component add "${tool/fmt/rustfmt}" >&2 && return 0
    fi
    case "$(dpkg -S "$(readlink -f "$(command -v rustc)")" 2>/dev/null)" in *-web*) web=1 ;; esac
    case "$tool$web" in
        fmt) package=rustfmt ;;
        fmt1) package=rustfmt-web ;;
        clippy) package=rust-clippy ;;
        clippy1) package=rust-web-clippy ;;
        *) die "unknown Rust tool: $tool" ;;
    esac
    apt_install "$package"
}

# host_triple: such as x86_64-unknown-linux-gnu.
host_triple() { rustc -vV | sed -n 's/^host: //p'; }

# has_target TRIPLE: whether its standard library is installed.
has_target() {
    local libdir
    libdir=$(rustc --print target-libdir --target "$1" 2>/dev/null) || return 1
    compgen -G "$libdir/libstd-*.rlib" >/dev/null
}

# add_target TRIPLE: has rustup, where that is what brings the toolchain, fetch its standard library.
add_target() {
    have rustup || return 1
    step "rustup target add $1" >&2
    timeout 120 rustup target add "$1" >&2 || return 1
    has_target "$1"
}

# release_target: musl (its programs are smaller and start faster) where it is installed or rustup has it, else the host's.
release_target() {
    local host musl
    host=$(host_triple)
    musl=${host%-gnu}-musl
    if has_target "$musl" || add_target "$musl"; then say "$musl"; else say "$host"; fi
}

# target_dir: where cargo puts what it builds.
target_dir() {
    cargo metadata --manifest-path "$REPO/Cargo.toml" --format-version 1 --no-deps \
        | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# cache_dir: where downloads that outlive a run are kept.
cache_dir() { say "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/creel"; }
