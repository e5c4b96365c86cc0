#!/bin/sh
# dracut hook "pre-mount": the devices are up. From here on it is stage 0 of our own image, in its own root; it does not come back.
while read -r name; do
  modprobe -q "$name"
done </kdump/MODULES
/kdump/bin/busybox chroot /kdump /init
# Only when it could not be started at all.
echo '<3>vmcore: stage0-failed {"message":"it ended in the initramfs of dracut"}' >/dev/kmsg
sync
echo b >/proc/sysrq-trigger
