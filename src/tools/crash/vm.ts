/** The `vm` view: the address space of a process. Sizes are bytes, addresses those of the process. */
import { hex } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';
import { Missing } from '../../kernel/missing.ts';
import type { Struct } from '../../kernel/struct.ts';
import { readMemoryAreas } from '../../kernel/tasks/address-space.ts';
import { memoryUse, uncountedPages } from '../../kernel/tasks/task-memory.ts';
import { readTasks } from '../../kernel/tasks/tasks.ts';
import { pathText } from '../../kernel/vfs/paths.ts';
import { requireTask } from './require-task.ts';

export interface AreaInfo {
  readonly start: string;
  /** One past its last byte. */
  readonly end: string;
  readonly size: number;
  readonly permissions: string;
  /** All of vm_flags. */
  readonly flags: string;
  /** In the file. */
  readonly offset: number;
  readonly name: string;
  /** Of its vm_area_struct. */
  readonly address: string;
}

/** What of an mm_struct tells where things are in the address space. */
const landmarks = [
  'start_code',
  'end_code',
  'start_data',
  'end_data',
  'start_brk',
  'brk',
  'start_stack',
  'arg_start',
  'arg_end',
  'env_start',
  'env_end',
  'mmap_base',
] as const;
type Landmark = (typeof landmarks)[number];

export interface AddressSpace {
  /** Of its mm_struct. */
  readonly address: string;
  /** Its page tables, a kernel address. */
  readonly pgd: string | null;
  readonly executable: string | null;
  readonly rss: number | null;
  readonly swapped: number | null;
  readonly vsz: number | null;
  readonly landmarks: Readonly<Partial<Record<Landmark, string>>>;
  readonly areas: readonly AreaInfo[];
}

export interface ProcessMemory {
  readonly pid: number;
  readonly comm: string;
  /** null for kernel threads, and for a process that is exiting. */
  readonly addressSpace: AddressSpace | null;
  readonly missing: readonly string[];
}

/** E_USAGE when there is no such task. */
export function readProcessMemory(crashed: CrashedKernel, pid: number): ProcessMemory {
  const missing = new Missing();
  const task = requireTask(crashed, pid, missing);
  const mm = task.isKernelThread
    ? undefined
    : missing.attempt('its address space', () => task.struct.follow('mm'));
  return {
    pid: task.pid,
    comm: task.comm,
    addressSpace: mm === undefined ? null : addressSpace(crashed, mm, missing),
    missing: missing.lines,
  };
}

function addressSpace(crashed: CrashedKernel, mm: Struct, missing: Missing): AddressSpace {
  const use = missing.attempt('how much memory it has', () =>
    // Before 6.2 its threads know too.
    memoryUse(crashed, mm, uncountedPages(crashed, readTasks(crashed, { idle: 'without', missing }))),
  );
  const pgd = missing.attempt('its page tables', () => mm.pointer('pgd'));
  const known = landmarks.flatMap((landmark) => {
    const address = missing.attempt('its address space', () => mm.bigint(landmark));
    return address === undefined ? [] : [[landmark, hex(address)]];
  });
  const areas = Array.from(readMemoryAreas(crashed, mm, missing), (area) => ({
    start: hex(area.start),
    end: hex(area.end),
    size: Number(area.end - area.start),
    permissions: area.permissions,
    flags: hex(area.flags),
    offset: area.offset,
    name: area.name,
    address: hex(area.address),
  }));
  const expected = missing.attempt('its address space', () => mm.number('map_count'));
  if (expected !== undefined && expected !== areas.length)
    missing.note(`areas of memory: ${areas.length} were found, the kernel counted ${expected}`);
  const executable = missing.attempt('its executable', () => {
    const file = mm.follow('exe_file');
    return file === undefined ? undefined : pathText(crashed, file.struct('f_path'), missing);
  });
  return {
    address: hex(mm.address),
    pgd: pgd === undefined ? null : hex(pgd),
    executable: executable ?? null,
    rss: use?.rss ?? null,
    swapped: use?.swapped ?? null,
    vsz: use?.vsz ?? null,
    landmarks: Object.fromEntries(known),
    areas,
  };
}
