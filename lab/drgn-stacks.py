"""drgn-stacks.py DUMP DEBUG_FILE...: what drgn (0.3), with DWARF, says of all stacks, as JSON.

{"cpus": [{"cpu", "pid", "pcs"}], "tasks": [{"pid", "pcs"}]}: pcs are those of the kernel's frames, inlined ones left out, as hexadecimal.
"""

import json
import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import cpu_curr

prog = drgn.Program()
prog.set_core_dump(sys.argv[1])
prog.load_debug_info(sys.argv[2:])


def pcs(task):
    return [hex(frame.pc) for frame in prog.stack_trace(task) if not frame.is_inline and frame.pc >> 63]


cpus = [(cpu, cpu_curr(prog, cpu)) for cpu in for_each_online_cpu(prog)]
print(
    json.dumps(
        {
            "cpus": [{"cpu": cpu, "pid": task.pid.value_(), "pcs": pcs(task)} for cpu, task in cpus],
            "tasks": [{"pid": task.pid.value_(), "pcs": pcs(task)} for task in for_each_task(prog)],
        }
    )
)
