#!/bin/sh
# The /init of the machine that a rehearsal panics: mounts its disk, lives a little so that its memory holds every kind of
# page, arms the crash kernel with our own code, unmounts the disk cleanly and panics by sysrq.
. /stage0-common.sh

give_up() {
  journal "$1" "$2"
  finish poweroff
}

mount_kernel_filesystems
journal machine-start "{\"memTotal\":$(meminfo MemTotal)}"
load_modules
mount_runtime || finish poweroff

# A file system of its own that stays mounted over the panic, with dirty and clean page cache and buffers.
mount -t tmpfs tmpfs /run
truncate -s 24M /run/other.img
mke2fs -F /run/other.img >/dev/null 2>&1
mkdir -p /run/other
mount -t ext4 -o loop /run/other.img /run/other
dd if=/vmcore.squashfs of=/run/other/data bs=1M count=12 2>/dev/null
dd if=/dev/urandom of=/run/shared-memory bs=1M count=8 2>/dev/null
# Anonymous memory in two processes: one full of text; one full of zeros, stuck in a pipe that nobody reads.
(
  text=$(dd if=/run/shared-memory bs=1M count=3 2>/dev/null | base64)
  while :; do sleep 1000; done
  echo "$text"
) </dev/null >/dev/null &
dd if=/dev/zero bs=8M count=1 2>/dev/null | sleep 1000 &

if ! message=$(mount -t ext4 /dev/vda /mnt 2>&1); then
  give_up disk-failed "{\"message\":\"$(echo "$message" | json_text)\"}"
fi
journal machine-up "{\"memAvailable\":$(meminfo MemAvailable)}"

# A program of the user's, which fills the memory as it likes and may stay.
if [ -e /workload.mjs ]; then
  journal workload-start
  /vmcore/bin/node --disable-warning=ExperimentalWarning /workload.mjs /run/workload-ready </dev/null >/dev/console 2>&1 &
  workload=$!
  until [ -e /run/workload-ready ]; do
    if ! kill -0 "$workload" 2>/dev/null; then
      wait "$workload" || give_up workload-failed "{\"message\":\"status $?\"}"
      break
    fi
    sleep 0.2
  done
  journal loaded "{\"memAvailable\":$(meminfo MemAvailable)}"
fi

append=$(cat /etc/rehearsal/capture-command-line)
if vmcore kexec -d -p "$(cat /etc/rehearsal/kexec-call)" --initrd /mnt/boot/initramfs-kdump.img \
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
echo 1 >/proc/sys/kernel/sysrq
# The kernel's own account of its memory, in its log: what is found in the dump can be compared with it.
if [ -e /workload.mjs ]; then
  echo m >/proc/sysrq-trigger
fi
journal crash '{"by":"sysrq"}'
echo c >/proc/sysrq-trigger
give_up crash-failed '{}'
