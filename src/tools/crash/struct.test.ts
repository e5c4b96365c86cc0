import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { directMap } from '../../../test/support/synthetic-kernel.ts';
import { typedKernel } from '../../../test/support/typed-kernel.ts';
import { openCrashedKernel } from '../../kernel/crashed-kernel.ts';
import { describeType, layoutText, typeQuestion, valueAt, valueTextAt } from './struct.ts';

const types = new CTypes(`
  enum color { RED, BLUE = 4 };
  struct list_head { struct list_head *next; struct list_head *prev; };
  struct task_struct { int pid; };
  struct pair { u32 a; u32 b; };
  struct thing {
    struct list_head list; char name[8]; enum color color; bool set;
    union { int number; unsigned char bytes[4]; };
    struct pair pairs[5]; u64 large; long negative; char *text; void *data; struct unknown *other; long longs[6];
  };
`);

function machine() {
  const made = new CKernel(types);
  const text = made.text('a "text"');
  const thing = made.place('thing', {
    name: 'na\x1bme',
    color: 4,
    set: 1,
    number: -2,
    'pairs[4].b': 7,
    large: 2n ** 64n - 1n,
    negative: -5n,
    text,
    'list.next': 0xdead_beefn,
    'longs[0]': 1,
  });
  return { made, crashed: made.crashed({ the_thing: thing }), thing, text };
}

describe('a type', () => {
  it('is laid out with offsets and sizes, anonymous members within', () => {
    const { crashed } = machine();
    const info = describeType(typeQuestion(crashed, 'struct thing'));
    assert.deepEqual([info.name, info.size, info.module], ['struct thing', 168, null]);
    assert.deepEqual(
      info.members.slice(2, 6).map(({ name, offset, size, type }) => [name, offset, size, type]),
      [
        ['color', 24, 4, 'enum color'],
        ['set', 28, 1, 'bool'],
        ['', 32, 4, 'union {...}'],
        ['pairs', 36, 40, 'struct pair[5]'],
      ],
    );
    assert.deepEqual(
      info.members[4]?.members?.map(({ name, offset }) => [name, offset]),
      [
        ['number', 32],
        ['bytes', 32],
      ],
    );
    const lines = layoutText(typeQuestion(crashed, 'thing')).split('\n');
    assert.equal(lines[1], '     0     16  struct list_head list;');
    assert.deepEqual(lines.slice(5, 9), [
      '    32      4  union {',
      '    32      4    int number;',
      '    32      4    unsigned char bytes[4];',
      '               };',
    ]);
    assert.equal(lines.at(-2), '}; size 168');
  });

  it('is also an enum, a pointer, or single members', () => {
    const { crashed } = machine();
    assert.deepEqual(describeType(typeQuestion(crashed, 'enum color')).values, { RED: 0, BLUE: 4 });
    assert.equal(
      layoutText(typeQuestion(crashed, 'color')),
      'enum color {\n  RED = 0,\n  BLUE = 4,\n}; size 4\n',
    );
    assert.equal(layoutText(typeQuestion(crashed, 'struct pair *')), 'struct pair *; size 8\n');
    assert.equal(
      layoutText(typeQuestion(crashed, 'thing.list.prev,number')),
      'struct thing {\n     8      8  struct list_head *list.prev;\n    32      4  int number;\n}; size 168\n',
    );
  });

  it('that nobody knows, or has no such member, is an error that says so', () => {
    const { crashed } = machine();
    assert.throws(
      () => typeQuestion(crashed, 'struct nothing'),
      failsWith('E_NO_INFO', /a type struct nothing/),
    );
    assert.throws(() => typeQuestion(crashed, 'thing.nothing'), failsWith('E_USAGE', /no member nothing/));
    assert.throws(() => typeQuestion(crashed, 'color.RED'), failsWith('E_USAGE', /no member RED/));
  });
});

describe('a value', () => {
  it('is all that it is made of', () => {
    const { crashed, thing, text } = machine();
    const info = valueAt(crashed, typeQuestion(crashed, 'thing'), thing);
    assert.deepEqual(info.missing, []);
    assert.deepEqual(info.value, {
      list: { next: '0xdeadbeef', prev: '0x0' },
      name: 'na\x1bme',
      color: 'BLUE',
      set: true,
      number: -2,
      bytes: [254, 255, 255, 255],
      pairs: [...Array.from({ length: 4 }, () => ({ a: 0, b: 0 })), { a: 0, b: 7 }],
      large: '18446744073709551615',
      negative: -5,
      text: `0x${text.toString(16)}`,
      data: '0x0',
      other: '0x0',
      longs: [1, 0, 0, 0, 0, 0],
    });
  });

  it('is written as C has it, with what pointers point to and nothing that drives a terminal', () => {
    const { crashed, thing, text } = machine();
    const lines = valueTextAt(crashed, typeQuestion(crashed, 'thing'), thing).split('\n');
    assert.deepEqual(lines.slice(0, 12), [
      'struct thing {',
      '  list = {',
      '    next = 0xdeadbeef,',
      '    prev = 0x0,',
      '  },',
      '  name = "na\\x1bme",',
      '  color = BLUE,',
      '  set = true,',
      '  {',
      '    number = -2,',
      '    bytes = {254, 255, 255, 255},',
      '  },',
    ]);
    assert.ok(lines.includes('    } <repeats 4 times>,'));
    assert.ok(lines.includes(`  text = 0x${text.toString(16)} "a \\"text\\"",`));
    assert.ok(lines.includes('  longs = {1, 0 <repeats 5 times>},'));
  });

  it('has bit fields, and the signs of numbers', () => {
    const { kernel, secrets } = typedKernel();
    const crashed = openCrashedKernel(kernel.dump());
    const question = typeQuestion(crashed, 'secret.state,depth,inner.level');
    assert.deepEqual(valueAt(crashed, question, secrets[1]!).value, {
      state: 4,
      depth: 4001,
      'inner.level': -2,
    });
    assert.deepEqual(describeType(question).members[1]?.bits, { offset: 3, size: 13 });
    assert.match(layoutText(question), /20 +4 {2}unsigned int depth:13; {2}\/\* bit 3 \*\//);
  });

  it('of a variable whose type is known is where its symbol is', () => {
    const { kernel, tasks } = typedKernel();
    const crashed = openCrashedKernel(kernel.dump());
    const question = typeQuestion(crashed, 'init_task.comm');
    assert.equal(question.address, tasks[0]);
    assert.deepEqual(valueAt(crashed, question, tasks[0]!).value, { comm: 'swapper/0' });
  });

  it('that lies half in a page which is gone is half there', () => {
    const { made, crashed } = machine();
    const page = made.space(8192, 4096);
    const thing = page + 4096n - 24n;
    made.set('thing', thing, { name: 'there' });
    made.kernel.memory.lose(Number(page + 4096n - directMap) / 4096, 'excluded');
    const info = valueAt(crashed, typeQuestion(crashed, 'thing'), thing);
    assert.deepEqual((info.value as { name: string; color: null }).name, 'there');
    assert.deepEqual((info.value as { name: string; color: null }).color, null);
    assert.match(info.missing.join(), /^physical page 0x[0-9a-f]+ was filtered out/);
    assert.match(valueTextAt(crashed, typeQuestion(crashed, 'thing'), thing), /color = <physical page/);
  });
});
