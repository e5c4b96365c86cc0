import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { directMap, kernelText } from '../../../../test/support/synthetic-kernel.ts';
import { secretTexts, type TypedKernel, typedKernel } from '../../../../test/support/typed-kernel.ts';
import { findBtf } from '../../../kernel/types/btf-scan.ts';
import { layoutsOf } from '../../../kernel/types/layouts.ts';
import { CrashedKernel } from './filter-kernel.ts';

const crashed = ({ kernel }: TypedKernel): CrashedKernel => {
  const opened = kernel.kernel();
  return new CrashedKernel(opened, layoutsOf(opened), () => findBtf(opened));
};
const typed = typedKernel();
const kernel = crashed(typed);
const paddr = (address: bigint): number => Number(address - directMap);

describe('symbols, for filters', () => {
  it('come from vmcoreinfo and from kallsyms', () => {
    assert.equal(kernel.symbol('init_task'), typed.tasks[0]);
    assert.equal(kernel.symbol('kernel_fn'), kernelText + 0x100n);
    assert.deepEqual(kernel.symbolAt(kernelText + 0x104n), { name: 'kernel_fn', offset: 4n });
    assert.equal(kernel.symbolAt(0n), undefined);
    assert.equal(kernel.findSymbol('nonsense'), undefined);
    assert.throws(() => kernel.symbol('nonsense'), failsWith('E_NO_INFO', /no symbol nonsense/));
  });

  it('of per-CPU variables are one for each possible CPU', () => {
    assert.deepEqual(kernel.perCpu('counter'), [0x1040n, 0x3040n]);
  });
});

describe('memory, for filters', () => {
  it('is read as bytes, numbers and text, where it is', () => {
    assert.deepEqual([...kernel.read(typed.texts[0]!, 3)], [...new TextEncoder().encode('hun')]);
    assert.equal(kernel.u32(typed.secrets[1]! + 16n), 16);
    assert.equal(kernel.u64(typed.secrets[0]! + 56n), typed.secrets[1]);
    assert.equal(kernel.string(typed.texts[1]!), 'correct horse');
    assert.equal(kernel.string(typed.texts[1]!, 7), 'correct');
    assert.equal(kernel.string(0n), '');
    assert.throws(() => kernel.read(0x1000n, 8), failsWith('E_UNREADABLE'));
    assert.equal(kernel.tryRead(0x1000n, 8), undefined);
    assert.equal(kernel.tryRead(typed.texts[0]!, 8)?.length, 8);
    assert.deepEqual([kernel.release, kernel.arch, kernel.pageSize], ['6.1.0-test', 'x86_64', 4096]);
  });
});

describe('a structure, for filters', () => {
  const secret = kernel.struct('secret', typed.secrets[0]!);
  it('has numbers of every kind', () => {
    assert.equal(secret.number('size'), 8);
    assert.equal(secret.number('state'), 5);
    assert.equal(secret.number('depth'), 4000);
    assert.equal(secret.number('inner.level'), -1);
    assert.equal(secret.u64('inner.level'), 0xffffn);
    assert.equal(secret.pointer('text'), typed.texts[0]);
    assert.throws(() => secret.number('text'), failsWith('E_USAGE', /too large for a number/));
  });

  it('has text, in itself and behind pointers', () => {
    assert.equal(secret.string('inner.key'), 'key0');
    assert.equal(secret.string('text'), 'hunter2');
    assert.deepEqual([...secret.bytes('inner.key')].slice(0, 5), [...new TextEncoder().encode('key0\0')]);
  });

  it('has structures, arrays and pointers to others', () => {
    const vault = kernel.struct('vault', typed.vault);
    assert.equal(vault.follow('slots[2]')?.address, typed.secrets[2]);
    assert.equal(vault.follow('slots[1]'), undefined);
    assert.equal(vault.string('names[1]'), 'def');
    assert.equal(vault.sizeOf('names'), 12);
    assert.equal(vault.addressOf('names[2]'), typed.vault + 52n);
    assert.equal(secret.struct('inner').number('level'), -1);
    assert.equal(secret.follow('next')?.follow('next')?.string('text'), 'x');
    assert.deepEqual([secret.type, secret.size], ['secret', 80]);
  });

  it('says what it does not have', () => {
    assert.ok(secret.has('inner.key') && !secret.has('inner.nothing') && !secret.has('next.size'));
    assert.ok(kernel.hasStruct('secret') && !kernel.hasStruct('public'));
    assert.throws(() => kernel.struct('public', 0n), failsWith('E_NO_INFO', /struct public/));
    assert.throws(
      () => secret.number('nothing'),
      failsWith('E_NO_INFO', /struct secret has no member nothing/),
    );
    assert.throws(() => secret.number('next.size'), failsWith('E_NO_INFO', /must be followed/));
    assert.throws(() => secret.number('inner'), failsWith('E_NO_INFO', /no number/));
    assert.throws(() => secret.pointer('size'), failsWith('E_NO_INFO', /no pointer/));
    assert.throws(() => secret.follow('data'), failsWith('E_NO_INFO', /no pointer to a structure/));
    assert.throws(() => secret.number('size..'), failsWith('E_USAGE', /not a path/));
    const vault = kernel.struct('vault', typed.vault);
    assert.throws(() => vault.follow('slots[4]'), failsWith('E_NO_INFO', /4 elements/));
    assert.throws(() => vault.follow('count[0]'), failsWith('E_NO_INFO', /no array/));
    assert.throws(() => kernel.struct('secret', 0x1000n).number('size'), failsWith('E_UNREADABLE'));
  });
});

describe('lists, for filters', () => {
  it('give the structures that are in them', () => {
    const texts = (views: Iterable<{ string(path: string): string }>): string[] =>
      Array.from(views, (view) => view.string('text'));
    assert.deepEqual(texts(kernel.list(typed.listHead, 'secret', 'list')), secretTexts);
    assert.deepEqual(texts(kernel.hlist(typed.hlistHead, 'secret', 'hash')), secretTexts);
  });

  it('that lead nowhere, or never back, are not followed for ever', () => {
    for (const [next, why] of [
      [0n, /ends in a null pointer/],
      [typed.secrets[1]!, /without coming back/],
    ] as const) {
      const broken = typedKernel();
      broken.kernel.memory.putU64(paddr(broken.secrets[2]!), next);
      const walk = (): unknown => [...crashed(broken).list(broken.listHead, 'secret', 'list')];
      assert.throws(walk, failsWith('E_CORRUPT', why));
    }
    const broken = typedKernel();
    broken.kernel.memory.putU64(paddr(broken.secrets[2]!) + 64, broken.secrets[0]! + 64n);
    assert.throws(
      () => [...crashed(broken).hlist(broken.hlistHead, 'secret', 'hash')],
      failsWith('E_CORRUPT'),
    );
  });
});

describe('tasks, for filters', () => {
  it('are all threads of all processes', () => {
    assert.deepEqual(
      Array.from(kernel.eachTask(), (task) => [task.number('pid'), task.string('comm')]),
      [
        [1, 'init'],
        [20, 'server'],
        [21, 'worker'],
      ],
    );
  });

  it('have memory of their own, where it is mapped', () => {
    const [init, server] = [...kernel.eachTask()];
    const read = (task: typeof init, address: bigint): string | undefined => {
      const bytes = kernel.readUser(task!, address, 16);
      return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
    };
    assert.equal(read(server, 0x40_0010n), 'PASSWORD=hunter2');
    assert.equal(read(server, 0x40_0ff8n), undefined);
    assert.equal(read(server, 0x80_0000n), undefined);
    assert.equal(read(init, 0x40_0010n), undefined);
  });
});
