import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { failsWith } from '../../test/support/expect-error.ts';
import { secretTexts, typedKernel } from '../../test/support/typed-kernel.ts';
import { openCrashedKernel } from '../kernel/crashed-kernel.ts';
import { DumpKernel } from './dump-kernel.ts';
import type { KernelArray, KernelObject, KernelValue } from './value-types.ts';

const { kernel: synthetic, secrets, texts, data, vault, listHead, hlistHead, tasks } = typedKernel();
const kernel = new DumpKernel(openCrashedKernel(synthetic.dump()));
const secret = (i: number): KernelObject => kernel.object('struct secret', secrets[i]!);

describe('a structure of the dump', () => {
  it('has its members as numbers, texts and structures', () => {
    const { size, state, depth, text, inner } = secret(1);
    assert.deepEqual(
      { size, state, depth, text },
      { size: 16, state: 4, depth: 4001, text: 'correct horse' },
    );
    const { key, level } = inner as KernelObject;
    assert.deepEqual({ key, level }, { key: 'key1', level: -2 });
  });

  it('has wide integers and pointers to nothing known as bigint', () => {
    assert.equal(secret(0).data, data[0]);
    assert.equal(kernel.read('unsigned long', vault), secrets[0]);
    assert.equal(kernel.read('int', vault + 40n), 7);
  });

  it('follows pointers to structures by itself; a null pointer is null', () => {
    const second = secret(0).next as KernelObject;
    assert.equal(second.$address, secrets[1]);
    assert.equal((second.next as KernelObject).text, 'x');
    assert.equal(secret(2).next, null);
  });

  it('tells of itself by names that no member has', () => {
    const first = secret(0);
    assert.deepEqual([first.$address, first.$type, first.$size], [secrets[0], 'struct secret', 80]);
    assert.deepEqual([first.address, first.type], [secrets[0], 'struct secret']);
    assert.equal(first.$addressOf('inner.level'), secrets[0]! + 48n);
    assert.equal(first.$pointer('text'), texts[0]);
    assert.equal(secret(2).$pointer('next'), 0n);
  });

  it('lists its members, and knows which it has', () => {
    const names = ['list', 'size', 'state', 'depth', 'text', 'data', 'inner', 'next', 'hash'];
    assert.deepEqual(Object.keys(secret(0)), names);
    assert.ok('state' in secret(0));
    assert.ok(!('states' in secret(0)));
    assert.equal(Object.entries(secret(0))[1]![1], 8);
  });

  it('refuses a name that is none, and says which is close', () => {
    assert.throws(() => secret(0).stat, failsWith('E_NO_INFO', /struct secret has no member stat/));
    assert.throws(
      () => secret(0).stat,
      (error: { readonly hint?: string }) => error.hint === 'is it state?',
    );
  });

  it('can be awaited, compared and given where an address is asked for', async () => {
    const first = await secret(0);
    assert.equal(first.$address, secrets[0]);
    assert.equal(kernel.object('struct secret', first).$address, secrets[0]);
    assert.equal(BigInt(first as unknown as bigint), secrets[0]);
  });

  it('cannot be written to', () => {
    const first = secret(0) as unknown as { size: number };
    assert.throws(() => {
      first.size = 1;
    }, TypeError);
    assert.throws(() => Reflect.deleteProperty(first, 'size'), TypeError);
  });

  it('is shown as C shows it, and as JSON', () => {
    assert.match(String(secret(0)), /^struct secret \{\n[\s\S]* {2}size = 8,\n/);
    assert.equal(inspect(secret(0)), String(secret(0)));
    const json = JSON.parse(JSON.stringify(secret(0))) as Record<string, unknown>;
    assert.equal(json.size, 8);
    assert.deepEqual(json.inner, { key: 'key0', level: -1 });
    assert.equal(json.next, `0x${secrets[1]!.toString(16)}`);
  });

  it('is the first of an array, as in C', () => {
    assert.equal((secret(0)[1] as KernelObject).$address, secrets[0]! + 80n);
  });

  it('says what is not in the dump when that is read, and not before', () => {
    const nowhere = kernel.object('struct secret', 0xffff_8880_7fff_0000n);
    assert.throws(() => nowhere.size, failsWith('E_UNREADABLE'));
  });
});

describe('an array of the dump', () => {
  const slots = kernel.object('struct vault', vault).slots as KernelArray;

  it('is one for JavaScript', () => {
    assert.ok(Array.isArray(slots));
    assert.equal(slots.length, 4);
    assert.deepEqual(
      slots.map((slot) => (slot === null ? null : (slot as KernelObject).text)),
      [secretTexts[0], null, secretTexts[2], null],
    );
    assert.equal([...slots].filter((slot) => slot === null).length, 2);
    assert.equal(slots[4], undefined);
    assert.deepEqual(Object.keys(slots), ['0', '1', '2', '3']);
  });

  it('tells where it is and what of', () => {
    assert.deepEqual([slots.$address, slots.$type], [vault, 'struct secret *[4]']);
    assert.equal(
      JSON.stringify(slots),
      JSON.stringify([secrets[0], 0n, secrets[2], 0n].map((at) => `0x${at!.toString(16)}`)),
    );
    assert.match(inspect(slots), /0xffff/);
  });

  it('is refused when its type has gone mad', () => {
    assert.throws(
      () => kernel.read('unsigned long[99999999]', vault),
      failsWith('E_CORRUPT', /more elements/),
    );
  });

  it('of texts has texts', () => {
    assert.deepEqual([...(kernel.object('struct vault', vault).names as KernelArray)], ['abc', 'def', 'ghi']);
  });
});

describe('a pointer to what is no structure', () => {
  it('has elements without end', () => {
    const pointers = kernel.read('struct secret **', secret(0).$addressOf('next'));
    assert.ok(typeof pointers === 'object' && pointers !== null && '$type' in pointers);
    assert.equal(pointers.$type, 'struct secret **');
    // What it points to is the beginning of the second secret: its list_head's next.
    assert.equal((pointers as KernelArray)[0] === null, false);
  });
});

describe('dump.kernel', () => {
  it('gives variables, of a known type or of one that is said', () => {
    assert.equal(kernel.var('init_task').comm, 'swapper/0');
    assert.equal(kernel.var('the_vault', 'struct vault').count, 7);
    assert.equal(kernel.var('nr_cpu_ids', 'int'), 3);
    assert.throws(
      () => kernel.var('the_vault'),
      failsWith('E_NO_INFO', /what type the variable the_vault has/),
    );
    assert.throws(() => kernel.var('init_tusk'), failsWith('E_NO_INFO', /no symbol init_tusk/));
  });

  it('walks lists', () => {
    const ofList = kernel.list(listHead, 'struct secret', 'list');
    assert.deepEqual(
      Array.from(ofList, ({ text }) => text),
      secretTexts,
    );
    assert.deepEqual(ofList.missing, []);
    const ofHash = kernel.hlist(hlistHead, 'struct secret', 'hash');
    assert.deepEqual(
      Array.from(ofHash, ({ size }) => size),
      [8, 16, 24],
    );
    const processes = kernel.list(
      kernel.var('init_task').tasks as KernelObject,
      'struct task_struct',
      'tasks',
    );
    assert.deepEqual(
      Array.from(processes, ({ comm }) => comm),
      ['init', 'server'],
    );
  });

  it('gives what it can of a damaged list, and says where it breaks', () => {
    const damaged = typedKernel();
    const physical = (address: bigint): number => Number(address - 0xffff_8880_0000_0000n);
    // The second secret's links are overwritten: the third is found from behind.
    damaged.kernel.memory.putU64(physical(damaged.secrets[1]!), 0x6b6b_6b6b_6b6b_6b6bn);
    damaged.kernel.memory.putU64(physical(damaged.secrets[1]!) + 8, 0x6b6b_6b6b_6b6b_6b6bn);
    damaged.kernel.memory.putU64(physical(damaged.secrets[1]!) + 64, 0x6b6b_6b6b_6b6b_6b6bn);
    const here = new DumpKernel(openCrashedKernel(damaged.kernel.dump()));
    const list = here.list(damaged.listHead, 'struct secret', 'list');
    assert.deepEqual(
      Array.from(list, ({ text }) => text),
      [secretTexts[0], secretTexts[2]],
    );
    assert.match(list.missing.join(), /the list of struct secret from 0x.* does not lead back/);
    const hash = here.hlist(damaged.hlistHead, 'struct secret', 'hash');
    assert.deepEqual(
      Array.from(hash, ({ text }) => text),
      secretTexts.slice(0, 2),
    );
    assert.match(hash.missing.join(), /kernel address 0x6b6b6b6b6b6b6b6b is not mapped/);
  });

  it('finds the structure around a member', () => {
    const around = kernel.containerOf(tasks[1]! + 24n, 'struct task_struct', 'tasks');
    assert.deepEqual([around.comm, around.pid], ['init', 1]);
  });

  it('knows sizes, offsets and symbols', () => {
    assert.equal(kernel.sizeOf('struct secret'), 80);
    assert.equal(kernel.sizeOf('struct secret *'), 8);
    assert.equal(kernel.offsetOf('struct secret', 'inner.level'), 48);
    assert.equal(kernel.symbol('init_task'), tasks[0]);
    assert.equal(kernel.symbol('no_such_symbol'), undefined);
    const function_ = kernel.symbol('kernel_fn')!;
    assert.equal(kernel.symbolAt(function_ + 4n)?.name, 'kernel_fn');
    assert.throws(() => kernel.object('struct nothing', 0n), failsWith('E_NO_INFO'));
    assert.throws(() => kernel.object('int', vault), failsWith('E_USAGE'));
    assert.throws(
      () => kernel.symbolAt(null as unknown as bigint),
      failsWith('E_USAGE', /null is not an address/),
    );
  });

  it('is typed as far as names tell', () => {
    // Checked by the compiler; never run.
    const typed = (name: string): readonly unknown[] => {
      const task: KernelObject = kernel.var('init_task');
      const ticks: bigint = kernel.var('jiffies');
      const text: string = kernel.read('char[16]', task);
      const first: KernelObject | null = kernel.read('struct secret *', task);
      const table: KernelArray = kernel.read('struct secret *[4]', task);
      const count: number = kernel.var('nr_cpu_ids', 'unsigned int');
      const known: number = kernel.read<{ readonly size: number }>('struct secret', task).size;
      const any: KernelValue = kernel.var(name);
      // @ts-expect-error: what nothing is known of may be anything
      const wrong: number = kernel.var('whatever');
      return [ticks, text, first, table, count, known, any, wrong];
    };
    assert.equal(typeof typed, 'function');
  });

  it('declares structures for TypeScript as their values are', () => {
    assert.equal(
      kernel.typescript('struct secret', 'struct vault'),
      `import type { KernelArray, KernelObject, KernelPointer } from 'vmcore';

/** struct secret of 6.1.0-test, 80 bytes. */
export interface secret {
  readonly list: KernelObject;
  readonly size: number;
  readonly state: number;
  readonly depth: number;
  readonly text: string | null;
  readonly data: bigint | null;
  readonly inner: KernelObject<{
    readonly key: string;
    readonly level: number;
  }>;
  readonly next: KernelObject<secret> | null;
  readonly hash: KernelObject;
}

/** struct vault of 6.1.0-test, 64 bytes. */
export interface vault {
  readonly slots: readonly (KernelObject<secret> | null)[] & KernelArray;
  readonly first: KernelObject<secret> | null;
  readonly count: number;
  readonly names: readonly string[] & KernelArray;
}
`,
    );
  });

  it('reads bytes and texts', () => {
    assert.deepEqual(kernel.bytes(vault + 44n, 4), Uint8Array.of(0x61, 0x62, 0x63, 0));
    assert.equal(kernel.text(texts[1]!), 'correct horse');
  });
});
