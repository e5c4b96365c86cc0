# What fills the memory of a machine that is to be panicked (first-machine.sh): what is in a dump depends on this file alone, and on the
# workload. Sourced after stage0-common.sh; expects node and vmcore.mjs below /vmcore, and /workload.mjs when there is one.

# give_up EVENT JSON: nothing can be panicked; says why.
give_up() {
  journal "$1" "$2"
  finish poweroff
}

# A little of every kind of page. Leaves /run mounted.
live_a_little() {
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
}

# A program of the user's, which fills the memory as it likes and may stay. Returns when it is ready.
run_workload() {
  if [ ! -e /workload.mjs ]; then return 0; fi
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
}

# What the kernel says of its memory (bytes; huge pages by number), its names and its tasks.
account() {
  fields=
  while read -r key value unit; do
    case "$key" in
      AnonPages: | AnonHugePages: | Buffers: | Cached: | Dirty: | HugePages_Free: | HugePages_Total: | Mlocked: | Shmem: | ShmemHugePages: | SwapCached:)
        if [ "$unit" = kB ]; then value=$((value * 1024)); fi
        fields="$fields\"${key%:}\":$value,"
        ;;
    esac
  done </proc/meminfo
  # Files below /proc/sys can only be read at once: "read" takes a byte at a time.
  dentries=$(cat /proc/sys/fs/dentry-state)
  inodes=$(cat /proc/sys/fs/inode-nr)
  tasks=$(cat /proc/loadavg)
  tasks=${tasks#*/}
  journal account "{$fields\"dentries\":${dentries%%[!0-9]*},\"inodes\":${inodes%%[!0-9]*},\"tasks\":${tasks%% *}}"
}

# The crash kernel is armed, and no disk of ours is mounted that must be clean.
panic_now() {
  echo 1 >/proc/sys/kernel/sysrq
  # The kernel's own account of its memory, in its log: what is found in the dump can be compared with it.
  if [ -e /workload.mjs ]; then
    # A workload may look after what arming has pushed out.
    sleep 1
    account
    echo m >/proc/sysrq-trigger
  fi
  journal crash '{"by":"sysrq"}'
  echo c >/proc/sysrq-trigger
  give_up crash-failed '{}'
}
