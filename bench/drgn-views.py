"""drgn-views.py VMLINUX DUMP WHAT: the views of bench/views.ts, by drgn (0.3) with DWARF. WHAT is dmesg, bt or report."""

import sys

import drgn
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.fs import for_each_mount, mount_dst, mount_fstype
from drgn.helpers.linux.mm import totalram_pages
from drgn.helpers.linux.module import for_each_module
from drgn.helpers.linux.panic import panic_message
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.printk import get_dmesg
from drgn.helpers.linux.sched import cpu_curr

vmlinux, dump, what = sys.argv[1:]
prog = drgn.Program()
prog.set_core_dump(dump)
prog.load_debug_info([vmlinux])

if what == "dmesg":
    sys.stdout.buffer.write(get_dmesg(prog))
elif what == "bt":
    for cpu in for_each_online_cpu(prog):
        print("CPU", cpu, cpu_curr(prog, cpu).comm.string_().decode())
        print(prog.stack_trace(cpu_curr(prog, cpu)))
else:
    print(panic_message(prog))
    print(prog["init_uts_ns"].name.release.string_().decode(), prog["jiffies"].value_(), prog["avenrun"])
    print(prog.crashed_thread().stack_trace())
    print(sum(1 for _ in for_each_task(prog)), "tasks")
    for module in for_each_module(prog):
        print(module.name.string_().decode())
    for mount in for_each_mount(prog):
        print(mount_dst(mount).decode(), mount_fstype(mount).decode())
    print(totalram_pages(prog), "pages")
