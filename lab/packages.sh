#!/bin/sh
# packages.sh node|demo|test|bench|matrix: the Debian packages that is needed for, installed when missing. Quiet when none is.
#
# In shell, not TypeScript, because the Node of the project does not start where libatomic is missing.
# A package counts as there when what we need of it is there (a program, a file), however it was installed.
# As root on a machine with apt it installs, after saying what and why; else it says what to do and exits 6.
set -eu
what=${1:?node, demo, test, bench or matrix}
PATH=$PATH:/usr/sbin:/sbin

has() { command -v "$1" >/dev/null 2>&1; }
has_file() { for candidate; do if [ -e "$candidate" ]; then return 0; fi; done; return 1; }
# The guest has no libraries, so its busybox must be a static one. Debian's two busybox packages replace each other.
has_static_busybox() {
  path=$(command -v busybox 2>/dev/null) || return 1
  case $(ldd "$path" 2>&1 || true) in
    *'=>'*) return 1 ;;
  esac
}

missing=
reasons=
programs=
# need PACKAGE WHAT WHY CHECK...: WHAT is what a machine without apt should get.
need() {
  package=$1 program=$2 why=$3
  shift 3
  if "$@"; then return 0; fi
  missing="$missing $package"
  programs="$programs${programs:+, }$program"
  reasons="$reasons
  $package: $why"
}

multiarch="/usr/lib/*-linux-gnu*/libatomic.so.1 /lib/*-linux-gnu*/libatomic.so.1 /usr/lib64/libatomic.so.1 /usr/lib/libatomic.so.1"
# The patterns are meant to be split and expanded.
# shellcheck disable=SC2086
need libatomic1 libatomic.so.1 'Node 26 does not start without it, here and in the guest' has_file $multiarch

ganesha_vfs="/usr/lib/*-linux-gnu*/ganesha/libfsalvfs.so /usr/lib64/ganesha/libfsalvfs.so /usr/lib/ganesha/libfsalvfs.so"
case $what in
  demo | test | bench | matrix)
    # Brings seabios, qemu-system-data and the network card ROMs along: they are dependencies.
    need qemu-system-x86 qemu-system-x86_64 'boots the kernel that is crashed' has qemu-system-x86_64
    need busybox-static 'a static busybox' 'first program of the capture image, and the guest'\''s shell' has_static_busybox
    need squashfs-tools mksquashfs 'packs Node and our code into the capture image' has mksquashfs
    need e2fsprogs 'mke2fs and debugfs' 'makes the disk of the guest and takes the dump off it, without mounting' has debugfs
    need xz-utils xz 'unpacks the .ko.xz modules of newer kernels' has xz
    ;;
esac
case $what in
  test)
    need gcc gcc 'the tests compare the offsets we read in DWARF with those the compiler used' has gcc
    # Brings the client along, which goes into capture images. Tests start the server themselves, on the loopback.
    need openssh-server sshd 'a target of the dumps that the tests save' has sshd
    need nfs-ganesha ganesha.nfsd 'a target of the dumps that the tests save' has ganesha.nfsd
    # shellcheck disable=SC2086
    need nfs-ganesha-vfs 'the VFS module of nfs-ganesha' 'a target of the dumps that the tests save' has_file $ganesha_vfs
    need xfsprogs mkfs.xfs 'makes a disk that the tests save a dump to' has mkfs.xfs
    need btrfs-progs mkfs.btrfs 'makes a disk that the tests save a dump to' has mkfs.btrfs
    need fdisk sfdisk 'makes the partitions that the tests save a dump to' has sfdisk
    need debootstrap debootstrap 'makes the whole machine whose kdump service the tests run' has debootstrap
    ;;
esac
case $what in
  test | bench | matrix)
    need makedumpfile makedumpfile 'the tests compare our dumps with its dumps' has makedumpfile
    ;;
esac
case $what in
  bench)
    need time 'GNU time' 'measures the memory that a program used' has_file /usr/bin/time
    ;;
esac
case $what in
  test | matrix)
    need qemu-system-arm qemu-system-aarch64 'brings the arm64 machine: its device tree, and the kernels that are crashed on it' has qemu-system-aarch64
    ;;
esac
if [ -z "$missing" ]; then exit 0; fi
missing=${missing# }

if ! has apt-get; then
  echo "vmcore: this machine has no apt; install $programs by its own means and run this again [E_NEEDS]" >&2
  exit 6
fi
command="apt-get update && apt-get install -y --no-install-recommends $missing"
echo "vmcore: Debian packages are missing:$reasons" >&2
if [ "$(id -u)" != 0 ]; then
  echo 'vmcore: only root may install them; run this, then try again [E_NEEDS]:' >&2
  echo "  sudo sh -c '$command'" >&2
  exit 6
fi

echo "vmcore: installing them: $command" >&2
log=$(mktemp)
# The servers among them are for tests, which start them on the loopback: Debian must not start them for the whole machine. That is asked of
# this file (invoke-rc.d(8)), which is not there usually; where it is, its administrator has decided.
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ] || ! printf '#!/bin/sh\nexit 101\n' 2>/dev/null >"$policy"; then policy=; fi
trap 'rm -f "$log" $policy' EXIT
if [ -n "$policy" ]; then chmod 755 "$policy"; fi
export DEBIAN_FRONTEND=noninteractive
# An update that fails for some source may still be enough; whether it was, the installation says.
# shellcheck disable=SC2086
if { apt-get -q update || true; apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing; } </dev/null >"$log" 2>&1; then
  exit 0
fi
tail -n 25 "$log" >&2
echo "vmcore: apt-get could not install $missing; mend what it says above and run this again [E_NEEDS]" >&2
exit 6
