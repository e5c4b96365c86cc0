/**
 * What kind of thing a global variable is. DWARF tells it of all, BTF only of per-CPU ones; of those that erase commands name most, the table here
 * does. Each has been of this type since Linux 4.18 at least (7.2 looked at).
 */
import type { Layouts } from '../../../kernel/layouts.ts';
import type { Type } from '../../../kernel/types.ts';

const globals: Readonly<Record<string, string>> = {
  file_systems: 'file_system_type*', // fs/filesystems.c
  init_cred: 'cred', // kernel/cred.c
  init_mm: 'mm_struct', // mm/init-mm.c
  init_net: 'net', // net/core/net_namespace.c
  init_nsproxy: 'nsproxy', // kernel/nsproxy.c
  init_pid_ns: 'pid_namespace', // kernel/pid.c
  init_task: 'task_struct', // init/init_task.c
  init_user_ns: 'user_namespace', // kernel/user.c
  init_uts_ns: 'uts_namespace', // init/version.c
  key_serial_tree: 'rb_root', // security/keys/key.c
  log_buf: 'char*', // kernel/printk/printk.c
  modules: 'list_head', // kernel/module/main.c
  net_namespace_list: 'list_head', // net/core/net_namespace.c
  saved_command_line: 'char*', // init/main.c
  slab_caches: 'list_head', // mm/slab_common.c
  super_blocks: 'list_head', // fs/super.c
};

/** Undefined when nothing tells. */
export function typeOfGlobal(layouts: Layouts, name: string): Type | undefined {
  const told = layouts.variable(name);
  if (told !== undefined) return told;
  const known = Object.hasOwn(globals, name) ? globals[name] : undefined;
  return known === undefined ? undefined : typeNamed(layouts, known.replace('*', ''), known.endsWith('*'));
}

const char: Type = { kind: 'base', name: 'char', size: 1, encoding: 'signed' };
const nothing: Type = { kind: 'opaque', name: 'void' };

/** A structure, union or typedef, char or void; or a pointer to it. */
export function typeNamed(layouts: Layouts, name: string, isPointer: boolean): Type | undefined {
  const type = name === 'char' ? char : name === 'void' ? nothing : layouts.type(name);
  if (type === undefined || !isPointer) return type;
  return { kind: 'pointer', size: 8, target: () => type };
}
