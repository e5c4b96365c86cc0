#!/bin/sh
# The /init of an arm64 guest: loads the machine as heavy-load.ts does, arms the crash kernel with Debian's kexec (their arm64
# kernels have no kexec_file_load), and panics by sysrq. /dev/vda: programs, kernel and capture image, read only.
. /stage0-common.sh

give_up() {
  journal "$1" "$2"
  finish poweroff
}

mount_kernel_filesystems
journal machine-start "{\"memTotal\":$(meminfo MemTotal)}"
load_modules
mount -t tmpfs tmpfs /run
if ! message=$(mount -t ext4 -o ro /dev/vda /vmcore 2>&1); then
  give_up disk-failed "{\"message\":\"$(echo "$message" | json_text)\"}"
fi
journal machine-up "{\"memAvailable\":$(meminfo MemAvailable)}"

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

if ! /vmcore/bin/kexec -p -c --initrd /vmcore/boot/capture.img --append "$(cat /capture-command-line)" /vmcore/boot/vmlinuz \
  </dev/null >/tmp/kexec-output 2>&1; then
  give_up arm-failed "{\"message\":\"$(json_text </tmp/kexec-output)\"}"
fi
journal armed "{\"reserved\":$(cat /sys/kernel/kexec_crash_size)}"

echo 1 >/proc/sys/kernel/sysrq
echo m >/proc/sysrq-trigger
journal crash '{"by":"sysrq"}'
echo c >/proc/sysrq-trigger
give_up crash-failed '{}'
