#!/usr/bin/env bash
# The recipe of the test machine's disk: Debian 13 with systemd, a kernel, and what tests need.
# Usage: image.sh DIR    makes DIR/{disk.img,swap.img,vmlinuz,initrd.img,key,key.pub}
# hack/vm makes a new one whenever this file's text changes.
set -euo pipefail
# shellcheck source=hack/lib.sh
. "$(dirname "$0")/../lib.sh"

dir=$1
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
user=tester
packages=(
    # The machine itself. The kernel of Debian's cloud images has no 9p.
    linux-image-amd64 initramfs-tools zstd systemd systemd-sysv udev dbus kmod
    iproute2 e2fsprogs openssh-server libpam-systemd
    # A user's own session, as rootless containers need it.
    dbus-user-session uidmap slirp4netns fuse-overlayfs
    apparmor apparmor-utils
    # Runtimes to compare with, and what the tests call.
    runc crun criu busybox-static procps strace jq gdb-minimal iptables
)

need mmdebstrap mmdebstrap
need mkfs.ext4 e2fsprogs
need ssh-keygen openssh-client
is_root || die "making the machine's disk needs root, for mmdebstrap and the owners of files"

mkdir -p "$dir"
root=$dir/root
ssh-keygen -q -t ed25519 -N '' -C creel-vm -f "$dir/key"

# mmdebstrap calls this with the new root; everything that Debian's packages do not bring.
customize=$dir/customize.sh
cat >"$customize" <<'CUSTOMIZE'
#!/bin/sh
set -eu
root=$1 user=$2 key=$3
put() { mkdir -p "$root/$(dirname "$1")"; cat >"$root/$1"; }

echo creel-vm | put etc/hostname
printf '127.0.0.1 localhost creel-vm\n' | put etc/hosts
printf '/dev/vda / ext4 noatime 0 1\n/dev/vdb none swap sw 0 0\n' | put etc/fstab
printf '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nDNS=10.0.2.3\n' | put etc/systemd/network/eth0.network
printf 'nameserver 10.0.2.3\n' | put etc/resolv.conf

# The smallest initramfs that finds the disk.
printf 'MODULES=list\nCOMPRESS=zstd\nRESUME=none\nFSTYPE=ext4\n' | put etc/initramfs-tools/conf.d/creel
printf 'virtio_pci\nvirtio_blk\next4\n' | put etc/initramfs-tools/modules
printf '9p\n9pnet_virtio\noverlay\nfuse\nbfq\n' | put etc/modules-load.d/creel.conf
chroot "$root" update-initramfs -u -k all

# What a short-lived machine does without.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    proc-sys-fs-binfmt_misc.automount fstrim.timer systemd-timesyncd.service systemd-pstore.service systemd-binfmt.service ldconfig.service; do
    chroot "$root" systemctl mask "$unit" >/dev/null 2>&1
done
chroot "$root" systemctl enable systemd-networkd ssh >/dev/null 2>&1
chroot "$root" systemctl disable systemd-networkd-wait-online >/dev/null 2>&1
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=32M\n' | put etc/systemd/journald.conf.d/creel.conf

# An unprivileged user whose session gets every controller, as the rootless guides of Podman and Docker say.
chroot "$root" useradd --create-home --shell /bin/bash --uid 1000 "$user"
printf '%s:100000:65536\n' "$user" | put etc/subuid
printf '%s:100000:65536\n' "$user" | put etc/subgid
printf '[Service]\nDelegate=cpu cpuset io memory pids\n' | put etc/systemd/system/user@.service.d/delegate.conf
mkdir -p "$root/var/lib/systemd/linger" && : >"$root/var/lib/systemd/linger/$user"

# Keys only, and no look-ups that wait for a name server.
printf 'UseDNS no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nPrintLastLog no\nMaxSessions 100\n' | put etc/ssh/sshd_config.d/creel.conf
for home in root "home/$user"; do
    put "$home/.ssh/authorized_keys" <"$key"
    : >"$root/$home/.hushlogin"
    chmod 700 "$root/$home/.ssh"
done
chroot "$root" chown -R "$user:$user" "/home/$user"

# hack/vm waits for this word on a channel of its own.
put etc/systemd/system/creel-ready.service <<'UNIT'
[Unit]
Description=Tell the host that the machine is up
After=ssh.service network.target dev-vdb.swap
Wants=dev-virtio\x2dports-creel.ready.device
After=dev-virtio\x2dports-creel.ready.device
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo ready >/dev/virtio-ports/creel.ready'
[Install]
WantedBy=multi-user.target
UNIT
chroot "$root" systemctl enable creel-ready.service >/dev/null 2>&1
CUSTOMIZE
chmod +x "$customize"

step "making the test machine's root file system (Debian 13)" >&2
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
    --include="$(IFS=,; say "${packages[*]}")" --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="$customize \"\$1\" $user $dir/key.pub" trixie "$root" "$mirror" >&2

# A root file system for containers, as the integration tests want it.
step "making the root file system of the tests' containers" >&2
mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' --include=procps \
    trixie "$root/srv/debian" "$mirror" >&2

cp "$root"/boot/vmlinuz-* "$dir/vmlinuz"
cp "$root"/boot/initrd.img-* "$dir/initrd.img"
step "making the disk" >&2
truncate -s 4G "$dir/disk.img"
mkfs.ext4 -q -F -L creel-vm -O '^has_journal' -d "$root" "$dir/disk.img"
truncate -s 512M "$dir/swap.img"
mkswap -q "$dir/swap.img" 2>/dev/null || mkswap "$dir/swap.img" >&2
rm -rf "$root" "$customize"
