#!/bin/sh
# The /init of the machine that a rehearsal panics: mounts its disk, lives a little so that its memory holds every kind of
# page, arms the crash kernel with our own code, unmounts the disk cleanly and panics by sysrq.
. /stage0-common.sh
. /first-common.sh

mount_kernel_filesystems
journal machine-start "{\"memTotal\":$(meminfo MemTotal)}"
load_modules
mount_runtime || finish poweroff

live_a_little

if ! message=$(mount -t ext4 /dev/vda /mnt 2>&1); then
  give_up disk-failed "{\"message\":\"$(echo "$message" | json_text)\"}"
fi
journal machine-up "{\"memAvailable\":$(meminfo MemAvailable)}"

run_workload

append=$(cat /etc/rehearsal/capture-command-line)
# Words, not text: each option is one argument.
if vmcore kexec -d -p $(cat /etc/rehearsal/kexec-options) --initrd /mnt/boot/initramfs-kdump.img \
  --append "$append" /mnt/boot/vmlinuz \
  </dev/null >/tmp/kexec-output 2>&1; then
  # -d says by which of the two system calls.
  call=$(sed -n 's/^loaded by //p' /tmp/kexec-output)
  journal armed "{\"reserved\":$(cat /sys/kernel/kexec_crash_size),\"call\":\"$call\"}"
else
  status=$?
  give_up arm-failed "{\"status\":$status,\"message\":\"$(json_text </tmp/kexec-output)\"}"
fi

umount /mnt
# A workload may want to bring the machine down itself: it is told that all is ready by the removal of its file.
if [ "$(cat /run/workload-ready 2>/dev/null)" = crashes ]; then
  journal crash '{"by":"workload"}'
  rm /run/workload-ready
  sleep 300
  give_up crash-failed '{}'
fi
panic_now
