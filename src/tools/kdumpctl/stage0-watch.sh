# How stage 0 makes sure that nothing hangs: it never waits for a program without looking at the clock, and a process of its own looks after
# stage 0 itself. Sourced by stage0.sh after stage0-common.sh. Times are whole seconds of /proc/uptime, which no clock setting moves.
#
#   /tmp/heartbeat  when the watched program last made progress; vmcore save writes it (save/heartbeat.ts). Behind the time, while it stands in a call that
#                   has a limit of its own: the limit, and words for people
#   /tmp/alive      when stage 0 itself last came by. While it is fresh, the watchdogs are pinged

heartbeat=/tmp/heartbeat
alive=/tmp/alive
# Made when the machine is to stay off.
watchdog_stop=/tmp/watchdog-stop
# What wait answers when it was a tick that ended it: 128 and SIGUSR1.
tick_status=138
# Rings every so often; a hardware watchdog restarts the machine after 30 s or more of silence.
tick=5
# Stage 0 runs some programs of busybox without looking at the clock (insmod). After so long it is taken for stuck.
alive_limit=300
# A program that is asked to end may take so long to finish its files.
grace=20

# clock: the uptime, into $now.
clock() {
  read -r now _ </proc/uptime
  now=${now%%.*}
}

# age FILE: seconds since the time that is in it, into $age; what is behind the time into $noted_limit and $noted_words. A file that is just being
# written counts as fresh.
age() {
  clock
  noted= noted_limit= noted_words=
  read -r noted noted_limit noted_words <"$1"
  case "$noted" in
    '' | *[!0-9]*) age=0 ;;
    *) age=$((now - noted)) ;;
  esac
}

show_life() {
  clock
  echo "$now" >"$alive"
}

start_watching() {
  trap : USR1
  show_life
  look_after_stage0 &
  for device in /dev/watchdog[0-9]*; do
    if [ -c "$device" ]; then ping_watchdog "$device" & fi
  done
}

# Wakes stage 0 from its waiting; restarts the machine when that does not help.
look_after_stage0() {
  while sleep "$tick"; do
    kill -USR1 "$$"
    age "$alive"
    if [ "$age" -gt "$alive_limit" ]; then
      journal stage0-stuck "{\"message\":\"stage 0 did nothing for $age s: restarting the machine\"}"
      sysrq b
    fi
  done
}

# ping_watchdog DEVICE: as long as stage 0 lives. Opening the device starts the watchdog; closing it without a V leaves it running, and then
# it restarts the machine, whatever else fails. A machine that is to stay off or halted must not be restarted: it gets the V.
ping_watchdog() {
  if ! exec >"$1"; then return; fi
  journal watchdog "{\"device\":\"$1\"}"
  while age "$alive" && [ "$age" -le "$alive_limit" ]; do
    if [ -e "$watchdog_stop" ]; then
      printf V
      exit
    fi
    printf .
    sleep "$tick"
  done
}

# watched LIMIT STALL PROGRAM [ARGUMENT...]: runs it as a session of its own, and ends it when it took LIMIT seconds or showed no sign of life
# for STALL. Its exit status, also in $status; 124 when it was ended for being late, 125 for being stuck.
watched() {
  watched_limit=$1 watched_stall=$2
  shift 2
  show_life
  watched_start=$now
  echo "$now" >"$heartbeat"
  watched_end= watched_status=
  # The standard input by another number, because a program in the background gets /dev/null for it.
  {
    {
      echo 0 >/proc/self/oom_score_adj
      exec setsid "$@"
    } <&3 3<&- &
  } 3<&0
  watched_pid=$!
  while :; do
    wait "$watched_pid"
    status=$?
    if ! kill -0 "$watched_pid" 2>/dev/null; then
      # A tick that came just as it ended stands for its status, which the shell keeps until it is asked for.
      if [ "$status" -eq "$tick_status" ]; then
        wait "$watched_pid"
        status=$?
      fi
      break
    fi
    # Alive: it was a tick that ended the waiting.
    show_life
    end_if_late "$1"
    # What is stuck in the kernel cannot even be killed: it is left behind.
    if [ -n "$watched_end" ] && [ $((now - watched_end)) -gt $((2 * grace)) ]; then break; fi
  done
  show_life
  status=${watched_status:-$status}
  return "$status"
}

# end_if_late PROGRAM: asks the watched program to end, and then makes it.
end_if_late() {
  if [ -n "$watched_end" ]; then
    if [ $((now - watched_end)) -ge "$grace" ]; then kill -KILL "-$watched_pid" "$watched_pid" 2>/dev/null; fi
    return
  fi
  age "$heartbeat"
  if [ $((now - watched_start)) -gt "$watched_limit" ]; then
    watched_status=124 why="took longer than $watched_limit s"
  elif [ "$age" -gt "${noted_limit:-$watched_stall}" ]; then
    watched_status=125 why="no sign of life for $age s${noted_words:+: $(printf '%s' "$noted_words" | json_text)}"
  else
    return
  fi
  watched_end=$now
  journal ended "{\"program\":\"$1\",\"message\":\"$why\"}"
  kill -TERM "$watched_pid"
}
