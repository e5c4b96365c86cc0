#!/bin/sh
# The peer's /init: what the capture image does, with makedumpfile in place of our program. The same steps in the same order, and the same
# events in the kernel's log, so that the two can be timed by the same marks.
. /stage0-common.sh

mount_kernel_filesystems
journal stage0-start "{\"memTotal\":$(meminfo MemTotal),\"memAvailable\":$(meminfo MemAvailable)}"
load_modules
journal modules-loaded

save() {
  journal save-start "{\"lowestAvailable\":$(meminfo MemAvailable)}"
  mount -t ext4 /dev/vda /mnt || return 1
  journal step-done '{"step":"open target"}'
  folder=/mnt/var/crash/127.0.0.1-peer
  mkdir -p "$folder"
  makedumpfile --dump-dmesg /proc/vmcore "$folder/vmcore-dmesg.txt" >/tmp/dmesg-output 2>&1 || return 1
  sync
  journal dmesg-saved
  journal filter-start
  # Words, not text: each is one argument.
  makedumpfile $(cat /etc/peer-options) /proc/vmcore "$folder/vmcore-incomplete" >/tmp/output 2>&1 || return 1
  journal filter-done
  sync
  mv "$folder/vmcore-incomplete" "$folder/vmcore"
  sync
  journal dump-saved "{\"lowestAvailable\":$(meminfo MemAvailable)}"
  umount /mnt
  journal target-closed
}

if save; then
  journal save-exit '{"status":0}'
else
  journal save-exit "{\"status\":1,\"message\":\"$(cat /tmp/dmesg-output /tmp/output | json_text)\"}"
fi
journal final-action '{"action":"poweroff"}'
finish poweroff
