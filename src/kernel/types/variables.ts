/**
 * What kind of thing a global variable is. DWARF tells it of all, BTF only of per-CPU ones; of the variables that people ask for most, the table here does.
 * Each has been of this type since Linux 4.18 at least, or since it exists (7.2 looked at). One whose type changed is not here: nothing in a dump would
 * tell which of the two it is.
 */
import type { Layouts } from './layouts.ts';
import { typeOfName } from './type-names.ts';
import type { Type } from './types.ts';

/** As C writes the type, with the file of the kernel that defines the variable. */
const globals = {
  __cpu_active_mask: 'struct cpumask', // kernel/cpu.c
  __cpu_online_mask: 'struct cpumask', // kernel/cpu.c
  __cpu_possible_mask: 'struct cpumask', // kernel/cpu.c
  __cpu_present_mask: 'struct cpumask', // kernel/cpu.c
  bdi_list: 'struct list_head', // mm/backing-dev.c
  btf_modules: 'struct list_head', // kernel/bpf/btf.c
  cgroup_roots: 'struct list_head', // kernel/cgroup/cgroup.c
  file_systems: 'struct file_system_type *', // fs/filesystems.c
  init_cgroup_ns: 'struct cgroup_namespace', // kernel/cgroup/cgroup.c
  init_cred: 'struct cred', // kernel/cred.c
  init_css_set: 'struct css_set', // kernel/cgroup/cgroup.c
  init_ipc_ns: 'struct ipc_namespace', // ipc/msgutil.c
  init_mm: 'struct mm_struct', // mm/init-mm.c
  init_net: 'struct net', // net/core/net_namespace.c
  init_nsproxy: 'struct nsproxy', // kernel/nsproxy.c
  init_pid_ns: 'struct pid_namespace', // kernel/pid.c
  init_task: 'struct task_struct', // init/init_task.c
  init_user_ns: 'struct user_namespace', // kernel/user.c
  init_uts_ns: 'struct uts_namespace', // init/version.c
  iomem_resource: 'struct resource', // kernel/resource.c
  ioport_resource: 'struct resource', // kernel/resource.c
  jiffies: 'unsigned long', // kernel/time/timer.c, vmlinux.lds.S
  jiffies_64: 'u64', // kernel/time/timer.c
  kexec_crash_image: 'struct kimage *', // kernel/kexec_core.c
  key_serial_tree: 'struct rb_root', // security/keys/key.c
  log_buf: 'char *', // kernel/printk/printk.c
  max_low_pfn: 'unsigned long', // mm/mm_init.c, memblock.c
  max_pfn: 'unsigned long', // mm/memblock.c
  modules: 'struct list_head', // kernel/module/main.c
  net_namespace_list: 'struct list_head', // net/core/net_namespace.c
  nr_cpu_ids: 'unsigned int', // kernel/smp.c
  panic_cpu: 'atomic_t', // kernel/panic.c
  panic_notifier_list: 'struct atomic_notifier_head', // kernel/panic.c
  panic_on_oops: 'int', // kernel/panic.c
  panic_timeout: 'int', // kernel/panic.c
  pci_root_buses: 'struct list_head', // drivers/pci/probe.c
  prb: 'struct printk_ringbuffer *', // kernel/printk/printk.c, since 5.10
  root_task_group: 'struct task_group', // kernel/sched/core.c
  saved_command_line: 'char *', // init/main.c
  slab_caches: 'struct list_head', // mm/slab_common.c
  super_blocks: 'struct list_head', // fs/super.c
  system_state: 'enum system_states', // init/main.c
  tainted_mask: 'unsigned long', // kernel/panic.c
  tasklist_lock: 'rwlock_t', // kernel/fork.c
  vmap_area_list: 'struct list_head', // mm/vmalloc.c, until 6.8
  workqueues: 'struct list_head', // kernel/workqueue.c
} as const satisfies Readonly<Record<string, string>>;

/** The table as a type: what a program may know of a variable without looking. */
export type KnownVariables = typeof globals;

const typeNames: Readonly<Record<string, string>> = globals;

/** Undefined when nothing tells. */
export function typeOfVariable(layouts: Layouts, name: string): Type | undefined {
  const told = layouts.variable(name);
  if (told !== undefined) return told;
  const known = Object.hasOwn(typeNames, name) ? typeNames[name] : undefined;
  return known === undefined ? undefined : typeOfName(layouts, known);
}

/** The names of the table, for completion. */
export const variableNames = (): string[] => Object.keys(globals);
