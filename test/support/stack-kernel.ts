/**
 * A synthetic kernel of two CPUs whose stacks are written word by word: functions with calls between them, ORC tables in any of the forms that kernels
 * have had, tasks, the stacks of the CPUs and their saved registers.
 *
 *   text    functions of 256 bytes, one after the other from `firstFunction` on, filled with what is no call
 *   stacks  16 KiB each, in the direct map; whoever reads them can lose a page
 *   per-CPU run queue 0x100, irq stack pointer 0x200, exception stacks 0x208, cpu_tss_rw 0x300, saved registers 0x400
 */
import { NT_PRSTATUS } from '../../src/formats/dump.ts';
import { CrashedKernel } from '../../src/kernel/crashed-kernel.ts';
import { registerNames } from '../../src/kernel/stacks/registers.ts';
import { placeKallsyms } from './kallsyms-tables.ts';
import { stackTypes, taskLayout } from './stack-types.ts';
import { SyntheticKernel } from './synthetic-kernel.ts';

export type OrcForm = 'end bit' | 'signal bit' | 'wide type' | 'renumbered';

/** An entry as objtool would make it. Registers by the names of orc_types.h, in small letters. */
export interface OrcSpec {
  readonly type: 'call' | 'regs' | 'partial' | 'end' | 'undefined';
  readonly sp?: keyof typeof numbers;
  readonly spOffset?: number;
  readonly bp?: keyof typeof numbers;
  readonly bpOffset?: number;
  readonly signal?: boolean;
}

/** Of orc_types.h up to 7.0, and since 7.1. */
const numbers = {
  undefined: [0, 0],
  'prev-sp': [1, 8],
  dx: [2, 2],
  di: [3, 5],
  bp: [4, 4],
  sp: [5, 3],
  r10: [6, 6],
  r13: [7, 7],
  'bp-indirect': [8, 10],
  'sp-indirect': [9, 9],
} as const;

const orcTypes = {
  'end bit': 'end',
  'signal bit': 'both',
  'wide type': 'wide',
  renumbered: 'wide',
  none: 'none',
} as const;

const functionSize = 0x100n;
const stackSize = 0x4000;
const areaSize = 0x4000;
const at = {
  runqueue: 0x100n,
  irqStack: 0x200n,
  exceptionStacks: 0x208n,
  tss: 0x300n,
  notes: 0x400n,
} as const;
const prstatusRegisters = 20 + 112;

export interface StackKernelOptions {
  readonly arch?: 'x86_64' | 'arm64';
  /** "none": its types do not describe ORC. */
  readonly orc?: OrcForm | 'none';
  /** Frame records of arm64 say of what kind they are, as since 6.13. */
  readonly recordMeta?: boolean;
  /** How the function graph tracer keeps return addresses: an array of structures up to 6.10. */
  readonly shadowStack?: 'array' | 'words';
}

export interface SyntheticStack {
  readonly start: bigint;
  readonly end: bigint;
}

export interface TaskSpec {
  readonly pid: number;
  readonly comm?: string;
  readonly stack: SyntheticStack;
  readonly cpu?: number;
  readonly exitState?: number;
  /** thread.sp; of arm64 thread.cpu_context. */
  readonly saved?: { readonly sp: bigint; readonly fp?: bigint; readonly pc?: bigint };
}

export class StackKernel {
  readonly kernel: SyntheticKernel;
  readonly arch: 'x86_64' | 'arm64';
  readonly firstFunction: bigint;
  private readonly form: OrcForm | 'none';
  private readonly functions: { name: string; address: bigint; orc: OrcSpec | undefined }[] = [];
  private readonly areas: readonly bigint[];
  private readonly tasks: bigint[] = [];
  private readonly freed: bigint;
  /** Physical address of its BTF. */
  readonly typesAt: number;

  constructor({
    arch = 'x86_64',
    orc = arch === 'arm64' ? 'none' : 'wide type',
    recordMeta = false,
    shadowStack = 'words',
  }: StackKernelOptions = {}) {
    this.arch = arch;
    this.form = orc;
    const machine = { arch: 'arm64', pageSize: 4096, vaBits: 48 } as const;
    this.kernel = new SyntheticKernel(arch === 'arm64' ? { machine, release: '6.12.0-test' } : {});
    const { kernel } = this;
    const text = kernel.allocate(0x4000, 4096);
    kernel.memory.put(text, new Uint8Array(0x4000).fill(arch === 'arm64' ? 0 : 0x90));
    this.firstFunction = kernel.space.imageStart + 0x1000n;
    for (let done = 0n; done < 0x4000n; done += 4096n)
      kernel.space.mapPage(this.firstFunction + done, text + Number(done));
    this.freed = this.firstFunction + 0x3100n;
    this.areas = [0, 1].map(() => this.allocate(areaSize, 4096));
    const bytes = stackTypes({ arch, orc: orcTypes[orc], recordMeta, shadowStack }).bytes();
    const types = kernel.place(bytes);
    this.typesAt = this.physical(types);
    const words = (values: readonly bigint[]): bigint => {
      const address = this.allocate(8 * values.length);
      values.forEach((value, i) => {
        this.put(address + BigInt(8 * i), value);
      });
      return address;
    };
    kernel.addInfo({
      'SYMBOL(__start_BTF)': types,
      'SYMBOL(__stop_BTF)': types + BigInt(bytes.length),
      'SYMBOL(__per_cpu_offset)': words(this.areas),
      'SYMBOL(__cpu_possible_mask)': words([3n]),
      'SYMBOL(__cpu_online_mask)': words([3n]),
      'SYMBOL(runqueues)': at.runqueue,
      'SYMBOL(crash_notes)': words([at.notes]),
      'SYMBOL(crashing_cpu)': words([0n]),
      ...(arch === 'arm64'
        ? { 'SYMBOL(irq_stack_ptr)': at.irqStack }
        : {
            'SYMBOL(hardirq_stack_ptr)': at.irqStack,
            'SYMBOL(cea_exception_stacks)': at.exceptionStacks,
            'SYMBOL(cpu_tss_rw)': at.tss,
          }),
    });
  }

  /** A function; its address is where it begins. */
  function(name: string, orc?: OrcSpec): bigint {
    const address = this.firstFunction + BigInt(this.functions.length) * functionSize;
    this.functions.push({ name, address, orc });
    return address;
  }

  /** The same where memory was given back: what is there is no code any more. */
  freedFunction(name: string, orc?: OrcSpec): bigint {
    this.functions.push({ name, address: this.freed, orc });
    return this.freed;
  }

  /** A direct call; gives the address that it returns to. */
  call(from: bigint, to: bigint, offset = 0x20n): bigint {
    const site = from + offset;
    if (this.arch === 'arm64') {
      const words = Number(BigInt.asUintN(26, (to - site) / 4n));
      this.putText(
        site,
        [0, 8, 16, 24].map((shift) => ((0x94000000 | words) >>> shift) & 0xff),
      );
      return site + 4n;
    }
    const relative = Number(BigInt.asUintN(32, to - (site + 5n)));
    this.putText(site, [0xe8, ...[0, 8, 16, 24].map((shift) => (relative >>> shift) & 0xff)]);
    return site + 5n;
  }

  /** A call through a register. */
  callIndirect(from: bigint, offset = 0x20n): bigint {
    const bytes = this.arch === 'arm64' ? [0x00, 0x00, 0x3f, 0xd6] : [0x41, 0xff, 0xd3];
    this.putText(from + offset, bytes);
    return from + offset + BigInt(bytes.length);
  }

  putText(address: bigint, bytes: readonly number[]): void {
    const { memory } = this.kernel;
    memory.put(Number(this.kernel.kernel().translate(address as never).paddr), Uint8Array.from(bytes));
  }

  stack(): SyntheticStack {
    const start = this.allocate(stackSize, stackSize);
    return { start, end: start + BigInt(stackSize) };
  }

  /** A word of a stack, or of anything else in the direct map. */
  put(address: bigint, value: bigint): void {
    this.kernel.memory.putU64(this.physical(address), value);
  }

  /** Words side by side, ascending. */
  putWords(address: bigint, values: readonly bigint[]): void {
    values.forEach((value, i) => {
      this.put(address + BigInt(8 * i), value);
    });
  }

  /** The page of an address is not in the dump. */
  lose(address: bigint): void {
    this.kernel.memory.lose(Math.floor(this.physical(address) / 4096), 'excluded');
  }

  task({ pid, comm = `task${pid}`, stack, cpu = 0, exitState = 0, saved }: TaskSpec): bigint {
    const task = this.allocate(taskLayout.size, 64);
    const put32 = (offset: number, value: number): void => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setInt32(0, value, true);
      this.kernel.memory.put(this.physical(task) + offset, bytes);
    };
    put32(taskLayout.pid, pid);
    put32(taskLayout.tgid, pid);
    put32(taskLayout.cpu, cpu);
    put32(taskLayout.state, 1);
    put32(taskLayout.exitState, exitState);
    this.kernel.memory.put(this.physical(task) + taskLayout.comm, new TextEncoder().encode(`${comm}\0`));
    this.put(task + BigInt(taskLayout.stack), stack.start);
    if (saved !== undefined) {
      const { sp, fp = 0n, pc = 0n } = saved;
      this.putWords(task + BigInt(taskLayout.thread), this.arch === 'arm64' ? [fp, sp, pc] : [sp]);
    }
    this.tasks.push(task);
    return task;
  }

  /** A member of a task_struct: one of taskLayout. */
  putTask(task: bigint, member: keyof typeof taskLayout, value: bigint): void {
    this.put(task + BigInt(taskLayout[member]), value);
  }

  /** The code of a BPF program, which nothing else knows of. */
  bpf(name: string): bigint {
    const text = this.firstFunction + 0x1_0000n;
    const page = this.kernel.allocate(4096, 4096);
    this.kernel.memory.put(page, new Uint8Array(4096).fill(0x90));
    this.kernel.space.mapPage(text, page);
    const code = this.allocate(80);
    const head = this.allocate(16);
    this.putWords(head, [code, code]);
    this.putWords(code, [head, head, text, text + 0x200n]);
    this.kernel.memory.put(this.physical(code) + 32, new TextEncoder().encode(`${name}\0`));
    this.kernel.addInfo({ 'SYMBOL(bpf_kallsyms)': head });
    return text;
  }

  /** What a CPU ran. */
  run(cpu: number, task: bigint): void {
    this.kernel.memory.put(this.physical(task) + taskLayout.cpu, Uint8Array.of(cpu));
    this.put(this.areas[cpu]! + at.runqueue, task);
    this.put(this.areas[cpu]! + at.runqueue + 8n, task);
    this.kernel.memory.put(this.physical(task) + taskLayout.cpu, Uint8Array.of(cpu, 0, 0, 0));
  }

  irqStack(cpu: number): SyntheticStack {
    const stack = this.stack();
    this.put(this.areas[cpu]! + at.irqStack, this.arch === 'arm64' ? stack.start : stack.end - 8n);
    return stack;
  }

  /** The stack of NMIs; that of double faults lies below it, with a guard between. */
  nmiStack(cpu: number): SyntheticStack {
    const pages = this.allocate(0x4000, 4096);
    this.put(this.areas[cpu]! + at.exceptionStacks, pages);
    return { start: pages + 0x3000n, end: pages + 0x4000n };
  }

  /** What the crashing kernel saved of a CPU. */
  saveRegisters(cpu: number, pid: number, registers: Readonly<Record<string, bigint>>): void {
    const bytes = this.note(pid, registers);
    this.kernel.memory.put(this.physical(this.areas[cpu]! + at.notes), bytes);
  }

  /** An ELF note: NT_PRSTATUS. */
  note(pid: number, registers: Readonly<Record<string, bigint>>): Uint8Array {
    const names = registerNames[this.arch];
    const bytes = new Uint8Array(prstatusRegisters + names.length * 8 + 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 5, true);
    view.setUint32(4, bytes.length - 20, true);
    view.setUint32(8, NT_PRSTATUS, true);
    bytes.set(new TextEncoder().encode('CORE'), 12);
    view.setInt32(20 + 32, pid, true);
    this.registerWords(registers).forEach((value, i) => {
      view.setBigUint64(prstatusRegisters + 8 * i, value, true);
    });
    return bytes;
  }

  /** A pt_regs as words. */
  registerWords(registers: Readonly<Record<string, bigint>>): bigint[] {
    const usual: Readonly<Record<string, bigint>> = this.arch === 'arm64' ? { pstate: 5n } : { cs: 0x10n };
    return registerNames[this.arch].map((name) => BigInt.asUintN(64, registers[name] ?? usual[name] ?? 0n));
  }

  open(
    notes: readonly { readonly pid: number; readonly registers: Readonly<Record<string, bigint>> }[] = [],
  ): CrashedKernel {
    const { kernel } = this;
    const first = this.firstFunction;
    const end = { name: '_etext', address: first + 0x2ff0n };
    placeKallsyms(
      kernel,
      [
        { name: '_stext', address: first - 0x1000n },
        ...this.functions.filter(({ address }) => address !== this.freed),
        end,
        { name: '_sinittext', address: first + 0x3000n },
        ...this.functions.filter(({ address }) => address === this.freed),
        { name: '_einittext', address: first + 0x4000n },
      ],
      { encoding: this.arch === 'arm64' ? 'base-relative' : 'absolute-percpu' },
    );
    if (this.tasks.length > 0) this.linkTasks();
    if (this.arch === 'x86_64') this.placeOrc();
    return new CrashedKernel(
      kernel.dump(
        notes.map(({ pid, registers }) => ({
          name: 'CORE',
          type: NT_PRSTATUS,
          data: this.note(pid, registers).subarray(20),
        })),
      ),
    );
  }

  /** The kernel as it is after changes to its memory or vmcoreinfo. */
  reopen(): CrashedKernel {
    return new CrashedKernel(this.kernel.dump());
  }

  private linkTasks(): void {
    const init = this.tasks[0]!;
    this.kernel.addInfo({ 'SYMBOL(init_task)': init });
    const nodes = this.tasks.map((task) => task + BigInt(taskLayout.tasks));
    nodes.forEach((node, i) => {
      this.putWords(node, [nodes[(i + 1) % nodes.length]!, nodes.at(i - 1)!]);
    });
  }

  private placeOrc(): void {
    const { kernel } = this;
    const sorted = this.functions
      .filter(({ orc }) => orc !== undefined)
      .sort((a, b) => (a.address < b.address ? -1 : 1));
    // A kernel of which no function has an entry was built without.
    if (sorted.length === 0) return;
    const entries = sorted.flatMap(({ orc }) => [...this.orcBytes(orc!)]);
    const entriesAt = kernel.placeVariable(Uint8Array.from(entries));
    const places = new Uint8Array(4 * sorted.length);
    const placesAt = kernel.placeVariable(places);
    const view = new DataView(places.buffer);
    sorted.forEach(({ address }, i) => {
      view.setInt32(4 * i, Number(address - (placesAt + BigInt(4 * i))), true);
    });
    kernel.memory.put(kernel.kernel().translate(placesAt as never).paddr, places);
    const call = { type: 'call', bp: 'undefined' } as const;
    kernel.addInfo({
      'SYMBOL(__start_orc_unwind_ip)': placesAt,
      'SYMBOL(__stop_orc_unwind_ip)': placesAt + BigInt(places.length),
      'SYMBOL(__start_orc_unwind)': entriesAt,
      'SYMBOL(orc_fp_entry)': kernel.placeVariable(
        this.orcBytes({ type: 'call', sp: 'bp', spOffset: 16, bp: 'prev-sp', bpOffset: -16 }),
      ),
      'SYMBOL(null_orc_entry)': kernel.placeVariable(this.orcBytes({ ...call, sp: 'sp', spOffset: 8 })),
    });
  }

  private orcBytes({
    type,
    sp = 'undefined',
    spOffset = 0,
    bp = 'undefined',
    bpOffset = 0,
    signal = false,
  }: OrcSpec): Uint8Array {
    const bytes = new Uint8Array(6);
    const view = new DataView(bytes.buffer);
    const column = this.form === 'renumbered' ? 1 : 0;
    view.setInt16(0, spOffset, true);
    view.setInt16(2, bpOffset, true);
    const registers = numbers[sp][column] | (numbers[bp][column] << 4);
    view.setUint16(4, registers | (this.typeBits(type, signal) << 8), true);
    return bytes;
  }

  private typeBits(type: OrcSpec['type'], signal: boolean): number {
    if (this.form === 'wide type' || this.form === 'renumbered')
      return { undefined: 0, end: 1, call: 2, regs: 3, partial: 4 }[type] | (signal ? 8 : 0);
    const narrow = { undefined: 0, end: 0, call: 0, regs: 1, partial: 2 }[type];
    const end = type === 'end' ? 1 : 0;
    return this.form === 'end bit' ? narrow | (end << 2) : narrow | (signal ? 4 : 0) | (end << 3);
  }

  /** Memory that nobody else uses, in the direct map. */
  allocate(size: number, alignment = 16): bigint {
    return this.kernel.space.directMap + BigInt(this.kernel.allocate(size, alignment));
  }

  private physical(address: bigint): number {
    return Number(BigInt.asUintN(64, address - this.kernel.space.directMap));
  }
}
