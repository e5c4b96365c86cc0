import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { VmcoreError } from '../base/errors.ts';
import { Results } from './results.ts';

describe('Results', () => {
  it('read anew each time they are gone through, and only as far', () => {
    let read = 0;
    const results = new Results(function* () {
      for (let i = 0; i < 5; i++) {
        read++;
        yield i;
      }
    });
    assert.equal(read, 0);
    for (const item of results) if (item === 1) break;
    assert.equal(read, 2);
    assert.deepEqual([...results], [0, 1, 2, 3, 4]);
    assert.equal(read, 7);
  });

  it('tell what is missing, each thing once', () => {
    const results = new Results((missing) => {
      missing.attempt('the half', () => {
        throw new VmcoreError('E_UNREADABLE', 'its page is not there');
      });
      return [1];
    });
    assert.deepEqual(results.missing, []);
    assert.deepEqual([...results, ...results], [1, 1]);
    assert.deepEqual(results.missing, ['the half: its page is not there']);
  });

  it('let other work have its turn when they are awaited', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    const slow = new Results(function* () {
      for (let i = 0; i < 10; i++) {
        const until = performance.now() + 15;
        while (performance.now() < until);
        yield i;
      }
    });
    const items: number[] = [];
    for await (const item of slow) items.push(item);
    clearInterval(timer);
    assert.equal(items.length, 10);
    assert.ok(turns >= 3, `${turns} turns`);
  });

  it('are shown with what is in them', () => {
    assert.equal(inspect(new Results(() => ['a', 'b'])), "Results [ 'a', 'b' ]");
  });
});
