#!/bin/sh
# The capture image's /init: brings up just enough to run "vmcore save", then takes the final action of
# /etc/kdump.conf. Nothing here waits for a person, and every way out is told in the journal.
. /stage0-common.sh

mount_kernel_filesystems
journal stage0-start "{\"memTotal\":$(meminfo MemTotal),\"memAvailable\":$(meminfo MemAvailable)}"

final_action=reboot
while read -r key value; do
  [ "$key" = final_action ] || continue
  # The word itself, without quotes around it or a comment behind it.
  value=${value#\"}
  final_action=${value%%[!a-z]*}
done </etc/kdump.conf

load_modules
journal modules-loaded

# A save that hangs must not keep the machine down for ever.
limit=$(cmdline_values vmcore.save-timeout | tail -n 1)
case "$limit" in
  '' | *[!0-9]*) limit=14400 ;;
esac

if mount_runtime; then
  set -f
  # Words, not text: each vmcore.save=ARG is one argument, so it is split at blanks on purpose.
  timeout -k 10 "$limit" /vmcore/bin/node --disable-warning=ExperimentalWarning /vmcore/vmcore.mjs save \
    $(cmdline_values vmcore.save) </dev/null >/dev/console 2>/tmp/save-errors
  status=$?
  set +f
  cat /tmp/save-errors >/dev/console
  if [ "$status" -eq 0 ]; then
    journal save-exit '{"status":0}'
  else
    journal save-exit "{\"status\":$status,\"message\":\"$(json_text </tmp/save-errors)\"}"
  fi
fi

journal final-action "{\"action\":\"$final_action\",\"memAvailable\":$(meminfo MemAvailable)}"
finish "$final_action"
