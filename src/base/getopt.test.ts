import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failsWith } from '../../test/support/expect-error.ts';
import { getopt } from './getopt.ts';

const names = {
  c: 'flag',
  l: 'flag',
  d: 'value',
  'num-threads': 'value',
  split: 'flag',
  'splitblock-size': 'value',
} as const;
/** Options as `name=value`, then the operands. */
const read = (...args: string[]): string => {
  const { options, operands } = getopt(args, names);
  return [...options.map(({ name, value }) => `${name}=${value}`), '|', ...operands].join(' ');
};

describe('a command line', () => {
  it('has short options apart or together, with their value behind them or next', () => {
    assert.equal(read('-c', '-d', '31', 'in', 'out'), 'c= d=31 | in out');
    assert.equal(read('-ld31', 'in'), 'l= d=31 | in');
    assert.equal(read('-cd', '31'), 'c= d=31 |');
    assert.equal(read('-d31,16'), 'd=31,16 |');
    assert.equal(read('-cl', '-d', '-1'), 'c= l= d=-1 |');
  });

  it('has long options by any unambiguous beginning, with = or the next word', () => {
    assert.equal(read('--num-threads', '4'), 'num-threads=4 |');
    assert.equal(read('--num-threads=4'), 'num-threads=4 |');
    assert.equal(read('--num', '4'), 'num-threads=4 |');
    assert.equal(read('--num-threads='), 'num-threads= |');
    assert.equal(read('--split'), 'split= |', 'a whole name is not ambiguous');
    assert.equal(read('--splitb=1'), 'splitblock-size=1 |');
  });

  it('has operands anywhere, and only operands behind --', () => {
    assert.equal(read('in', '-c', 'out', '--split'), 'c= split= | in out');
    assert.equal(read('-c', '--', '-d', '--split'), 'c= | -d --split');
    assert.equal(read('-', 'out'), '| - out');
  });

  it('keeps options in their order, also when repeated', () => {
    assert.equal(read('-d1', '-c', '-d', '2'), 'd=1 c= d=2 |');
  });

  it('is refused, naming the option, when it cannot be read', () => {
    const cases: [string[], RegExp][] = [
      [['-y'], /unknown option -y/],
      [['-cy'], /unknown option -y/],
      [['--nonsense'], /unknown option --nonsense/],
      [['--c'], /unknown option --c/],
      [['--='], /unknown option --/],
      [['-d'], /-d needs a value/],
      [['--num-threads'], /--num-threads needs a value/],
      [['--spl'], /--split or --splitblock-size/],
      [['--split=1'], /--split takes no value/],
      [['-_'], /unknown option -_/],
      [['--toString'], /unknown option --toString/],
    ];
    for (const [args, pattern] of cases)
      assert.throws(() => read(...args), failsWith('E_USAGE', pattern), args.join(' '));
  });
});
