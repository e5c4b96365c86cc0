#!/bin/sh
# The capture image's /init: brings up just enough to run "vmcore save", and takes the actions of /etc/kdump.conf. Whatever happens, it
# comes to the final action: nothing is run without a limit, nothing waits for a person (but failure_action shell, which asks
# for one), and every way out is told in the journal.
#
#   stage0-common.sh   comes up; the journal; the last way out
#   stage0-watch.sh    runs a program with limits, pings watchdogs, and restarts a machine whose stage 0 is stuck itself
#   stage0-failure.sh  what is done when the dump was not saved
#
# Words of the command line: vmcore.save-timeout=, vmcore.stall-timeout= and vmcore.hook-timeout= (seconds), vmcore.save= (an argument of
# vmcore save).
. /stage0-common.sh
. /stage0-watch.sh
. /stage0-failure.sh

conf=/etc/kdump.conf
rootfs_conf=/etc/kdump-rootfs.conf
# Made by vmcore save: our code runs; kdump_post was run; its exit status, when all that is left is letting go of the target.
save_began=/tmp/vmcore-save-began
post_ran=/tmp/vmcore-post-ran
save_decided=/tmp/vmcore-save-decided

mount_kernel_filesystems
journal stage0-start "{\"memTotal\":$(meminfo MemTotal),\"memAvailable\":$(meminfo MemAvailable)}"
# A machine short of memory loses the program that takes most of it, never this one.
echo -1000 >/proc/self/oom_score_adj

final_action=$(conf_value "$conf" final_action)
failure_action=$(conf_value "$conf" failure_action)
save_limit=$(seconds_given vmcore.save-timeout 14400)
stall_limit=$(seconds_given vmcore.stall-timeout 600)
hook_limit=$(seconds_given vmcore.hook-timeout 300)

load_modules
journal modules-loaded
start_watching

# run_save ATTEMPT CONF: one run of vmcore save. Its status is in $status; 126 when it could not be tried.
run_save() {
  # None for V8: its code caches fit no others than those that they were made with.
  node_options=
  read -r node_options </vmcore/node-options
  # A second attempt has less memory than the first one: no threads of V8 beside the main one, and the smallest heap.
  if [ "$1" = again ]; then node_options='--disable-warning=ExperimentalWarning --single-threaded --max-semi-space-size=1 --optimize-for-size'; fi
  rm -f "$save_began" "$save_decided"
  set -f
  # Words, not text: each vmcore.save=ARG is one argument, so it is split at blanks on purpose.
  watched "$save_limit" "$stall_limit" /vmcore/bin/node $node_options \
    /vmcore/start-save.cjs --attempt "$1" --config "$2" --hook-timeout "$hook_limit" $(cmdline_values vmcore.save) \
    </dev/null >/dev/console 2>/tmp/save-errors
  set +f
  # Ended by us, or dead: what was saved is saved.
  if [ "$status" -ge 124 ] && [ -s "$save_decided" ]; then read -r status <"$save_decided"; fi
  if [ -s /tmp/save-errors ]; then cat /tmp/save-errors >/dev/console; fi
  if [ "$status" -eq 0 ]; then
    journal save-exit '{"status":0}'
  else
    journal save-exit "{\"status\":$status,\"message\":\"$(describe_status)$(json_text </tmp/save-errors)\"}"
  fi
}

# What is known of a program that died by a signal, before what it said itself.
describe_status() {
  case "$status" in
    137) if dmesg | grep -q 'Out of memory: Killed process'; then echo 'out of memory: '; fi ;;
    127) echo 'it cannot be started: ' ;;
    *) if [ "$status" -gt 128 ]; then echo "ended by signal $((status - 128)): "; fi ;;
  esac
}

# Our program did not end by itself: out of memory, a damaged image, a bug of node's.
crashed() { [ "$status" -gt 125 ]; }
# 4: pages of the memory could not be read. That would be so anywhere else too, and what there is is safe.
saved() { [ "$status" -eq 0 ] || [ "$status" -eq 4 ]; }

status=126
if mount_runtime; then
  run_save first "$conf"
  if crashed && [ -e "$save_began" ]; then
    # It is smaller the second time, and what took the memory may be gone: a smaller chance is better than none.
    journal save-again "{\"message\":\"vmcore save died with status $status: once more, with the least memory\",\"memAvailable\":$(meminfo MemAvailable)}"
    run_save again "$conf"
  fi
fi

if ! saved; then
  if [ ! -e "$save_began" ] || crashed; then copy_vmcore "$conf"; fi
  fail
fi
leave "$final_action"
