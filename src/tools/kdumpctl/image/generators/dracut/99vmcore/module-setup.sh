#!/bin/bash
# dracut module: "vmcore save" in an initramfs of dracut's. Copy this folder to /usr/lib/dracut/modules.d and ask for it:
#
#   dracut --add vmcore --add-device DEVICE --force /boot/initramfs-RELEASEkdump.img RELEASE
#
# Everything of ours is in one folder of the image, /kdump, with its own programs and libraries; dracut's part is to bring up the device that the
# target is on (LVM, LUKS, RAID, multipath) or the network. The program is "vmcore" in the PATH, or $VMCORE.
# Source of truth: dracut.modules(7), release 059.

# Only when it is asked for: an initramfs for a usual boot must not save dumps.
check() {
  return 255
}

depends() {
  return 0
}

installkernel() {
  local name
  # Written before install() is called.
  write_files || return 1
  while read -r name; do
    instmods "$name"
  done <"$initdir/kdump/MODULES"
}

install() {
  inst_multiple modprobe
  # After those of dracut's own, which take root= from the command line.
  inst_hook cmdline 99 "$moddir/target-device.sh"
  inst_hook pre-mount 01 "$moddir/run-stage0.sh"
  # A device that does not come must not end at a prompt that nobody sees.
  mkdir -p "$initdir/etc/cmdline.d"
  echo 'rd.shell=0 rd.emergency=reboot' >"$initdir/etc/cmdline.d/90-vmcore.conf"
}

write_files() {
  [ -e "$initdir/kdump/MODULES" ] && return
  # dracut has a PATH of its own.
  PATH=$PATH:/usr/local/sbin:/usr/local/bin "${VMCORE:-vmcore}" kdumpctl image-files --kernel "$kernel" "$initdir/kdump" || {
    dfatal "vmcore: the files of the capture image cannot be written"
    return 1
  }
}
