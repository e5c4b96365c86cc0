#!/bin/busybox sh
# The initramfs of the Debian machine: loads what its disk needs, and leaves the rest to systemd.
export PATH=/bin
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
while read -r file; do
  /bin/busybox insmod "/modules/$file"
done </modules/order
tries=0
until /bin/busybox mount -t ext4 /dev/vda /root; do
  tries=$((tries + 1))
  if [ "$tries" -gt 50 ]; then /bin/busybox poweroff -f; fi
  /bin/busybox sleep 0.1
done
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /sbin/init
