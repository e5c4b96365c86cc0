#!/bin/sh
# The /init of an arm64 guest's capture kernel: /proc/vmcore as it is, onto the raw disk /dev/vdc.
. /stage0-common.sh

mount_kernel_filesystems
journal stage0-start "{\"memTotal\":$(meminfo MemTotal),\"memAvailable\":$(meminfo MemAvailable)}"
load_modules
bytes=$(stat -c %s /proc/vmcore)
if message=$(dd if=/proc/vmcore of=/dev/vdc bs=1M 2>&1); then
  sync
  journal raw-saved "{\"bytes\":$bytes}"
else
  journal save-failed "{\"message\":\"$(echo "$message" | json_text)\"}"
fi
finish poweroff
