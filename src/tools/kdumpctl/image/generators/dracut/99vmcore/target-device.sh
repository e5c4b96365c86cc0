#!/bin/sh
# dracut hook "cmdline": there is no root file system to wait for, but the target's device.
# Source of truth: dracut.modules(7): a hook that sets $root and $rootok decides what dracut waits for.
root=vmcore
# shellcheck disable=SC2034
rootok=1

while read -r key value _; do
  case "$key" in
    ext2 | ext3 | ext4 | minix | btrfs | xfs | raw) wait_for_dev -n "$(label_uuid_to_dev "$value")" ;;
  esac
done </kdump/etc/kdump.conf
