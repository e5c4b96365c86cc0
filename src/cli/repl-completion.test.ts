import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typedKernel } from '../../test/support/typed-kernel.ts';
import { openCrashedKernel } from '../kernel/crashed-kernel.ts';
import { DumpKernel } from '../library/dump-kernel.ts';
import { replCompleter } from './repl-completion.ts';

const { kernel: synthetic, secrets } = typedKernel();
const kernel = new DumpKernel(openCrashedKernel(synthetic.dump()));
const evaluated: string[] = [];
const values: Readonly<Record<string, unknown>> = {
  first: kernel.object('struct secret', secrets[0]!),
  'first.next?.inner': kernel.object('struct secret', secrets[1]!).inner,
  "kernel.var('init_task')": kernel.var('init_task'),
  plain: { member: 1 },
};
const completer = replCompleter(kernel, (expression) => {
  evaluated.push(expression);
  if (!(expression in values)) throw new ReferenceError(expression);
  return values[expression];
});
const complete = (line: string): string[] | undefined => completer.complete(line)?.[0];

describe('completion in the REPL', () => {
  it('knows the members of a value of the dump', () => {
    assert.deepEqual(completer.complete('let a = first.s'), [['size', 'state'], 's']);
    assert.deepEqual(complete('first.next?.inner.'), ['key', 'level']);
    assert.deepEqual(complete("kernel.var('init_task').t"), ['tasks', 'tgid', 'thread_node']);
    assert.deepEqual(complete('first.$a'), ['$address', '$addressOf']);
  });

  it('knows variables and symbols', () => {
    assert.deepEqual(complete("kernel.var('init_ta"), ['init_task']);
    assert.deepEqual(complete('symbol("kernel_f'), ['kernel_fn']);
    assert.deepEqual(complete("kernel.list('super_b"), ['super_blocks']);
  });

  it('knows types, with their keyword or without', () => {
    assert.deepEqual(completer.complete("kernel.read('struct sec"), [['struct secret'], 'struct sec']);
    assert.deepEqual(complete("kernel.sizeOf('sec"), ['struct secret']);
    assert.deepEqual(complete("kernel.list(first.list, 'struct list"), ['struct list_head']);
    assert.deepEqual(complete("kernel.list('super_blocks', 'struct va"), ['struct vault']);
  });

  it('knows the members of a type that is named before', () => {
    assert.deepEqual(complete("kernel.list(head, 'struct secret', 'l"), ['list']);
    assert.deepEqual(complete("kernel.offsetOf('struct secret', 'inner.l"), ['level']);
  });

  it('leaves the rest to JavaScript', () => {
    assert.equal(completer.complete('plain.m'), undefined);
    assert.equal(completer.complete('Mat'), undefined);
    assert.equal(completer.complete('unknown.m'), undefined);
  });

  it('calls nothing but what reads', () => {
    evaluated.length = 0;
    for (const line of ['process.exit().a', 'f(1).b', "require('fs').c", 'task(exit()).d', '(first = 1).e'])
      completer.complete(line);
    assert.deepEqual(evaluated, []);
  });
});
