#!/bin/sh
# The /init of an arm64 guest: loads the machine as heavy-load.ts does, arms the crash kernel with Debian's kexec (their arm64
# kernels have no kexec_file_load), and panics by sysrq. /dev/vda: programs, kernel and capture image, read only.
. /stage0-common.sh
. /first-common.sh

mount_kernel_filesystems
journal machine-start "{\"memTotal\":$(meminfo MemTotal)}"
load_modules
mount -t tmpfs tmpfs /run
if ! message=$(mount -t ext4 -o ro /dev/vda /vmcore 2>&1); then
  give_up disk-failed "{\"message\":\"$(echo "$message" | json_text)\"}"
fi
journal machine-up "{\"memAvailable\":$(meminfo MemAvailable)}"

run_workload

if ! /vmcore/bin/kexec -p -c --initrd /vmcore/boot/capture.img --append "$(cat /capture-command-line)" /vmcore/boot/vmlinuz \
  </dev/null >/tmp/kexec-output 2>&1; then
  give_up arm-failed "{\"message\":\"$(json_text </tmp/kexec-output)\"}"
fi
journal armed "{\"reserved\":$(cat /sys/kernel/kexec_crash_size)}"
panic_now
