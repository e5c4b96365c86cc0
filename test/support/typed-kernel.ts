/**
 * A synthetic kernel that knows its own types (BTF) and symbols (kallsyms): three processes, one with two threads, a list of secrets, and a
 * table of pointers.
 *
 *   struct task_struct    pid 0, tgid 4, comm[16] 8, tasks 24, thread_node 40, signal 56, mm 64; 72 bytes
 *   struct secret         list 0, size 16, state:3 and depth:13 20, text 24 (char *), data 32 (void *), inner { key[8], level s16 } 40,
 *                         next 56 (struct secret *), hash 64 (hlist_node); 80 bytes
 */
import { BtfBuilder } from './btf-bytes.ts';
import { placeKallsyms } from './kallsyms-tables.ts';
import { directMap, kernelText, SyntheticKernel } from './synthetic-kernel.ts';
import { X86PageTables } from './x86-page-tables.ts';

export const taskSize = 72;
export const secretSize = 80;

function types(): Uint8Array {
  const btf = new BtfBuilder();
  const int = btf.int('int', 4, 'signed');
  const short = btf.int('short', 2, 'signed');
  const uint = btf.int('unsigned int', 4);
  const ulong = btf.int('unsigned long', 8);
  const char = btf.int('char', 1, 'signed');
  const voidPointer = btf.pointer(0);
  const charPointer = btf.pointer(char);
  const listHead = btf.nextId;
  const listPointer = listHead + 1;
  btf.struct('list_head', 16, [
    { name: 'next', type: listPointer, at: 0 },
    { name: 'prev', type: listPointer, at: 64 },
  ]);
  btf.pointer(listHead);
  const hlistNode = btf.nextId;
  btf.struct('hlist_node', 16, [
    { name: 'next', type: hlistNode + 1, at: 0 },
    { name: 'pprev', type: hlistNode + 1, at: 64 },
  ]);
  btf.pointer(hlistNode);
  const signal = btf.struct('signal_struct', 16, [{ name: 'thread_head', type: listHead, at: 0 }]);
  const mm = btf.struct('mm_struct', 8, [{ name: 'pgd', type: btf.pointer(ulong), at: 0 }]);
  btf.struct('task_struct', taskSize, [
    { name: 'pid', type: int, at: 0 },
    { name: 'tgid', type: int, at: 32 },
    { name: 'comm', type: btf.array(char, 16), at: 64 },
    { name: 'tasks', type: listHead, at: 192 },
    { name: 'thread_node', type: listHead, at: 320 },
    { name: 'signal', type: btf.pointer(signal), at: 448 },
    { name: 'mm', type: btf.pointer(mm), at: 512 },
  ]);
  const inner = btf.struct('', 16, [
    { name: 'key', type: btf.array(char, 8), at: 0 },
    { name: 'level', type: short, at: 64 },
  ]);
  const secretPointer = btf.nextId;
  const secret = secretPointer + 1;
  btf.pointer(secret);
  btf.struct('secret', secretSize, [
    { name: 'list', type: listHead, at: 0 },
    { name: 'size', type: uint, at: 128 },
    { name: 'state', type: uint, at: 160, bits: 3 },
    { name: 'depth', type: uint, at: 163, bits: 13 },
    { name: 'text', type: charPointer, at: 192 },
    { name: 'data', type: voidPointer, at: 256 },
    { name: 'inner', type: inner, at: 320 },
    { name: 'next', type: secretPointer, at: 448 },
    { name: 'hash', type: hlistNode, at: 512 },
  ]);
  btf.struct('vault', 64, [
    { name: 'slots', type: btf.array(secretPointer, 4), at: 0 },
    { name: 'first', type: secretPointer, at: 256 },
    { name: 'count', type: uint, at: 320 },
    { name: 'names', type: btf.array(btf.array(char, 4), 3), at: 352 },
  ]);
  btf.struct('hlist_head', 8, [{ name: 'first', type: hlistNode + 1, at: 0 }]);
  return btf.bytes();
}

export interface TypedKernel {
  readonly kernel: SyntheticKernel;
  /** Address of each secret, in the order of the list. */
  readonly secrets: readonly bigint[];
  /** Where each secret's text and data are. */
  readonly texts: readonly bigint[];
  readonly data: readonly bigint[];
  readonly vault: bigint;
  readonly listHead: bigint;
  readonly hlistHead: bigint;
  readonly tasks: readonly bigint[];
  /** Where the page of the last task's user address 0x400000 is, physical. */
  readonly userPage: number;
}

export const secretTexts = ['hunter2', 'correct horse', 'x'];

export function typedKernel(): TypedKernel {
  const kernel = new SyntheticKernel();
  const { memory } = kernel;
  const space = (size: number): bigint => directMap + BigInt(kernel.allocate(size, 16));
  const at = (address: bigint): number => Number(address - directMap);
  const put = (address: bigint, offset: number, value: bigint): void =>
    memory.putU64(at(address) + offset, value);
  const put32 = (address: bigint, offset: number, value: number): void => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, true);
    memory.put(at(address) + offset, bytes);
  };
  const text = (value: string): Uint8Array => new TextEncoder().encode(`${value}\0`);
  /** Links nodes to a circular list that begins and ends at `head`. */
  const link = (head: bigint, nodes: readonly bigint[]): void => {
    const ring = [head, ...nodes];
    ring.forEach((node, i) => {
      put(node, 0, ring[(i + 1) % ring.length]!);
      put(node, 8, ring.at(i - 1)!);
    });
  };

  // BTF is looked for from where _stext lies.
  kernel.tables.map(kernelText, 0, 0x20_0000);
  kernel.place(types());
  const listHead = space(16);
  const hlistHead = space(8);
  const secrets = secretTexts.map(() => space(secretSize));
  const texts = secretTexts.map((value) => kernel.place(text(value)));
  const data = secretTexts.map(() => kernel.place(new Uint8Array(32).fill(0xaa)));
  secrets.forEach((secret, i) => {
    put32(secret, 16, 8 * (i + 1));
    put32(secret, 20, (5 - i) | ((4000 + i) << 3));
    put(secret, 24, texts[i]!);
    put(secret, 32, data[i]!);
    memory.put(at(secret) + 40, text(`key${i}`));
    memory.put(at(secret) + 48, Uint8Array.of(0xff - i, 0xff));
    put(secret, 56, secrets[i + 1] ?? 0n);
    put(secret, 64, secrets[i + 1] === undefined ? 0n : secrets[i + 1]! + 64n);
  });
  link(listHead, secrets);
  put(hlistHead, 0, secrets[0]! + 64n);
  const vault = space(64);
  [secrets[0]!, 0n, secrets[2]!, 0n].forEach((slot, i) => {
    put(vault, 8 * i, slot);
  });
  put(vault, 32, secrets[1]!);
  put32(vault, 40, 7);
  memory.put(at(vault) + 44, new TextEncoder().encode('abc\0def\0ghi\0'));
  const vaultPointer = space(8);
  put(vaultPointer, 0, vault);
  const line = kernel.place(text('quiet password=1234'));
  const linePointer = space(8);
  put(linePointer, 0, line);

  // init_task (idle); 1 "init"; 20 "server" with thread 21 "worker".
  const tasks = [0, 1, 20, 21].map(() => space(taskSize));
  const signals = [1, 20].map(() => space(16));
  const user = new X86PageTables(memory, () => kernel.allocate(4096, 4096), { levels: 4 });
  const userPage = kernel.allocate(4096, 4096);
  user.map(0x40_0000n, userPage, 0x1000);
  memory.put(userPage + 16, text('PASSWORD=hunter2'));
  const mm = space(8);
  put(mm, 0, directMap + BigInt(user.root));
  const rows = [
    [0, 0, 'swapper/0'],
    [1, 1, 'init'],
    [20, 20, 'server'],
    [21, 20, 'worker'],
  ] as const;
  rows.forEach(([pid, tgid, comm], i) => {
    const task = tasks[i]!;
    put32(task, 0, pid);
    put32(task, 4, tgid);
    memory.put(at(task) + 8, text(comm));
    if (i > 0) put(task, 56, signals[i === 1 ? 0 : 1]!);
    put(task, 64, i >= 2 ? mm : 0n);
  });
  link(tasks[0]! + 24n, [tasks[1]! + 24n, tasks[2]! + 24n]);
  link(signals[0]!, [tasks[1]! + 40n]);
  link(signals[1]!, [tasks[2]! + 40n, tasks[3]! + 40n]);

  const perCpuOffsets = space(24);
  [0x1000n, 0x2000n, 0x3000n].forEach((offset, i) => {
    put(perCpuOffsets, 8 * i, offset);
  });
  const mask = space(8);
  put(mask, 0, 0b101n);
  const count = space(4);
  put32(count, 0, 3);
  placeKallsyms(
    kernel,
    [
      { name: 'counter', type: 'A', address: 0x40n },
      { name: '_stext', address: kernelText },
      { name: 'kernel_fn', address: kernelText + 0x100n },
      { name: '_end', address: kernelText + 0x1000n },
    ],
    {},
  );
  // What vmcoreinfo names needs no kallsyms: these lie in the direct map.
  kernel.addInfo({
    'SYMBOL(init_task)': tasks[0]!,
    'SYMBOL(secret_list)': listHead,
    'SYMBOL(secret_hash)': hlistHead,
    'SYMBOL(the_vault)': vault,
    'SYMBOL(vault_pointer)': vaultPointer,
    'SYMBOL(saved_command_line)': linePointer,
    'SYMBOL(__per_cpu_offset)': perCpuOffsets,
    'SYMBOL(__cpu_possible_mask)': mask,
    'SYMBOL(nr_cpu_ids)': count,
  });
  return { kernel, secrets, texts, data, vault, listHead, hlistHead, tasks, userPage };
}
