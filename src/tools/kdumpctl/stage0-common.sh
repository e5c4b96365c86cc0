# What both kinds of first process (the capture image's and the rehearsed machine's) do to come up.
# Sourced by busybox sh as PID 1. Expects /modules/order, /vmcore.squashfs and an empty /vmcore.

export PATH=/bin HOME=/ TMPDIR=/tmp

# journal NAME [JSON]: one event in the kernel's log. Level 3 is shown even under "quiet".
journal() {
  printf '<3>vmcore: %s %s\n' "$1" "${2-"{}"}" >/dev/kmsg
}

# json_text: standard input as the inside of a JSON string: one line of harmless ASCII, its last 300 characters.
json_text() {
  tr -s '\r\n\t' ' ' | tr -cd ' !#-[]-~' | tail -c 300
}

# meminfo KEY: a line of /proc/meminfo, bytes.
meminfo() {
  while read -r key value unit; do
    if [ "$key" = "$1:" ]; then
      echo $((value * 1024))
      return
    fi
  done </proc/meminfo
  echo 0
}

# cmdline_values NAME: the values of every word NAME=VALUE of the kernel command line, one a line.
cmdline_values() {
  set -f
  for word in $(cat /proc/cmdline); do
    case "$word" in
      "$1="*) echo "${word#*=}" ;;
    esac
  done
  set +f
}

# seconds_given NAME DEFAULT: the last whole number that the command line gives to NAME.
seconds_given() {
  given=$(cmdline_values "$1" | tail -n 1)
  case "$given" in
    '' | *[!0-9]*) echo "$2" ;;
    *) echo "$given" ;;
  esac
}

# plain_value TEXT: a value of kdump.conf without comment, blanks behind it and quotes around it (conf/directives.ts).
plain_value() {
  plain=${1%%#*}
  plain=${plain%"${plain##*[![:space:]]}"}
  plain=${plain#\"}
  echo "${plain%\"}"
}

# conf_value FILE KEY: what the file gives to the key; nothing when it does not.
conf_value() {
  while read -r key value; do
    if [ "$key" = "$2" ]; then
      plain_value "$value"
      return
    fi
  done <"$1"
}

mount_kernel_filesystems() {
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t devtmpfs devtmpfs /dev
  mount -t tmpfs tmpfs /tmp
}

# Loads the modules in their order. What fails is said, and the rest still tried: a disk may be reachable without it.
load_modules() {
  while read -r file need; do
    if ! message=$(insmod "/modules/$file" 2>&1) && [ "$need" = required ]; then
      journal module-failed "{\"module\":\"$file\",\"message\":\"$(echo "$message" | json_text)\"}"
    fi
  done </modules/order
  # The initramfs is memory: give back what is no longer needed.
  rm -rf /modules
}

mount_runtime() {
  # Where memory is short, the kernel unpacks the initramfs as far as it gets and boots on. The squashfs is its last file: it
  # then has its size, which is set first, but not the blocks to hold it (%b counts 512 bytes each).
  if [ $(($(stat -c '%b' /vmcore.squashfs) * 512)) -lt "$(stat -c '%s' /vmcore.squashfs)" ]; then
    journal runtime-failed '{"message":"the initramfs was unpacked only in part: reserve more memory with crashkernel="}'
    return 1
  fi
  if ! message=$(mount -t squashfs -o loop,ro /vmcore.squashfs /vmcore 2>&1); then
    journal runtime-failed "{\"message\":\"$(echo "$message" | json_text)\"}"
    return 1
  fi
}

# vmcore ARGUMENTS: our program.
vmcore() {
  /vmcore/bin/node --disable-warning=ExperimentalWarning /vmcore/vmcore.mjs "$@"
}

# bounded SECONDS PROGRAM [ARGUMENT...]: does not wait for it longer than that. What is stuck in the kernel cannot be killed, and is left behind.
bounded() {
  tries=$(($1 * 20))
  shift
  "$@" &
  bounded_pid=$!
  while [ "$tries" -gt 0 ] && kill -0 "$bounded_pid" 2>/dev/null; do
    sleep 0.05
    tries=$((tries - 1))
  done
}

# sysrq KEY: asks neither drivers nor programs. b restarts the machine, o switches it off.
sysrq() {
  echo 1 >/proc/sys/kernel/sysrq
  echo "$1" >/proc/sysrq-trigger
}

# finish ACTION: leaves this kernel, whatever happens.
finish() {
  bounded 30 sync
  case "$1" in
    poweroff) poweroff -f & ;;
    halt) halt -f & ;;
    *) reboot -f & ;;
  esac
  sleep 10
  # A driver may hang where it is asked to shut down.
  journal final-action-failed "{\"action\":\"$1\"}"
  if [ "$1" = poweroff ] || [ "$1" = halt ]; then
    sysrq o
    sleep 10
  fi
  sysrq b
  # PID 1 ends: the kernel panics, and panic=-1 on the command line restarts the machine.
  exit 1
}
