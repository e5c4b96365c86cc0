# What stage 0 does when the dump was not saved: kdump_post if it was not told yet, kdump_emergency, failure_action, and then leaves the machine by
# final_action. Also the last attempt at /proc/vmcore when our program cannot run: a plain copy. Sourced by stage0.sh after stage0-watch.sh.

# A copy leaves this much of the file system free, bytes: it may be the machine's root.
copy_reserve=$((64 * 1024 * 1024))

# run_hook NAME PROGRAM [ARGUMENT...]: with a limit; its words go to the journal. A hook that fails is told.
run_hook() {
  hook=$1
  shift
  watched "$hook_limit" "$hook_limit" "$@" </dev/null >/tmp/hook-output 2>&1
  journal hook-done "{\"hook\":\"$hook\",\"program\":\"$1\",\"status\":$status,\"message\":\"$(json_text </tmp/hook-output)\"}"
}

# The hooks that hear of the end of a save: vmcore save runs them, unless it died before.
post_hooks() {
  if [ -e "$post_ran" ]; then return; fi
  for file in /etc/kdump/post.d/*; do
    if [ -f "$file" ]; then run_hook post.d "$file" "$1"; fi
  done
  program=$(conf_value "$conf" kdump_post)
  if [ -n "$program" ]; then run_hook kdump_post "$program" "$1"; fi
}

# Everything that is configured for a dump that was not saved.
fail() {
  post_hooks "$status"
  emergency=$(conf_value "$conf" kdump_emergency)
  if [ -n "$emergency" ]; then run_hook kdump_emergency "$emergency"; fi
  journal failure-action "{\"action\":\"${failure_action:-reboot}\"}"
  case "$failure_action" in
    shell) ask_a_person ;;
    dump_to_rootfs) dump_to_rootfs ;;
    *) leave "${failure_action:-reboot}" ;;
  esac
}

dump_to_rootfs() {
  if [ ! -e "$rootfs_conf" ]; then
    journal rootfs-failed "{\"message\":\"$rootfs_conf is not in the capture image\"}"
    return
  fi
  status=126
  if [ -x /vmcore/bin/node ]; then run_save rootfs "$rootfs_conf"; fi
  if ! saved && { [ ! -e "$save_began" ] || crashed; }; then copy_vmcore "$rootfs_conf"; fi
}

# The one thing that waits, because it was asked for. The machine counts as alive meanwhile.
ask_a_person() {
  {
    echo
    echo 'vmcore: the dump was not saved. This is a shell in the capture kernel; /proc/vmcore is the memory of the crashed one.'
    echo "vmcore: \"dmesg\" tells why. \"exit\" goes on with the final action: ${final_action:-reboot}."
  } >/dev/console
  watched 2000000000 2000000000 cttyhack sh </dev/console >/dev/console 2>&1
  journal shell-done
}

# copy_failed WORDS: there is no dump, and why.
copy_failed() {
  journal copy-failed "{\"message\":\"$1; the memory of the crashed kernel and its log are lost\"}"
}

# copy_vmcore CONF: all of /proc/vmcore onto the file system that CONF names, without our program. Filtering takes that; a log cannot be had either.
copy_vmcore() {
  if [ ! -e /proc/vmcore ]; then
    copy_failed 'there is no /proc/vmcore to copy'
    return
  fi
  file_system= device= target=
  while read -r key value; do
    case "$key" in
      ext2 | ext3 | ext4 | minix | btrfs | xfs) file_system=$key device=$(plain_value "$value") ;;
      raw | ssh | nfs | virtiofs) target=$key ;;
    esac
  done <"$1"
  if [ -z "$file_system" ]; then
    copy_failed "our program does not run, and a target of the kind ${target:-path} needs it"
    return
  fi
  case "$device" in
    UUID=* | LABEL=*) device=$(findfs "$device" 2>/dev/null) ;;
  esac
  # As in targets/file-system.ts: the path counts from the top of a btrfs.
  options=rw
  if [ "$file_system" = btrfs ]; then options=rw,subvolid=5; fi
  # What died may have left it mounted, at another place. A second mount shows the same files.
  if ! watched 120 120 mount -t "$file_system" -o "$options" "$device" /mnt </dev/null >/tmp/copy-errors 2>&1; then
    copy_failed "the target cannot be mounted: $(json_text </tmp/copy-errors)"
    return
  fi
  path=$(conf_value "$1" path)
  copy_into "/mnt/${path#/}"
  watched 120 120 umount /mnt </dev/null >/dev/null 2>&1
}

# copy_into PARENT: makes a folder there, as vmcore save does.
copy_into() {
  size=$(stat -c '%s' /proc/vmcore)
  free=$(($(stat -f -c '%a * %S' /mnt)))
  if [ "$((size + copy_reserve))" -gt "$free" ]; then
    copy_failed "our program does not run, and the target has no room for a copy: $size bytes, $free are free"
    return
  fi
  umask 077
  folder=$1/127.0.0.1-$(date '+%Y-%m-%d-%T')
  if ! message=$(mkdir -p "$folder" 2>&1); then
    copy_failed "$(echo "$message" | json_text)"
    return
  fi
  journal copy-start "{\"message\":\"our program does not run: copying all memory, unfiltered\",\"bytes\":$size,\"folder\":\"${folder#/mnt}\"}"
  if watched "$save_limit" "$stall_limit" sh -c '. /stage0-watch.sh; . /stage0-failure.sh; copy_pieces "$1" "$2"' sh \
    "$folder/vmcore.elf-incomplete" "$size" </dev/null >/dev/null 2>/tmp/copy-errors; then
    mv "$folder/vmcore.elf-incomplete" "$folder/vmcore.elf"
    journal copy-done "{\"path\":\"${folder#/mnt}/vmcore.elf\"}"
  else
    copy_failed "copying ended with status $status: $(json_text </tmp/copy-errors)"
  fi
  dmesg >"$folder/kexec-dmesg.log"
}

# copy_pieces OUTPUT SIZE: 64 MiB at a time, each a sign of life, each on the disk.
copy_pieces() {
  at=0
  while [ $((at * 64 * 1024 * 1024)) -lt "$2" ]; do
    dd if=/proc/vmcore of="$1" bs=1M skip=$((at * 64)) seek=$((at * 64)) count=64 conv=notrunc,fsync || return
    at=$((at + 1))
    clock
    echo "$now" >"$heartbeat"
  done
}

# What a program that died left mounted; a file system that is busy is written out all the same.
unmount_targets() {
  while read -r device folder _; do
    case "$device" in
      /dev/loop*) ;;
      /dev/* | *:/*) watched 60 60 umount "$folder" </dev/null >/dev/null 2>&1 ;;
    esac
  done </proc/mounts
}

# leave ACTION: writes out, and the machine is gone.
leave() {
  action=${1:-reboot}
  unmount_targets
  watched 60 60 sync </dev/null
  if [ "$action" != reboot ]; then
    # A watchdog would start it again.
    : >"$watchdog_stop"
  fi
  journal final-action "{\"action\":\"$action\",\"memAvailable\":$(meminfo MemAvailable)}"
  finish "$action"
}
