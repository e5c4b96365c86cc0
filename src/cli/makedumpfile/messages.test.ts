import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { etaText, Messages } from './messages.ts';

describe('messages', () => {
  const printed = (level: number): string => {
    let text = '';
    const out = new Writable({
      write(chunk, _, done) {
        text += String(chunk);
        done();
      },
    });
    const messages = new Messages(level, () => out);
    messages.common('C');
    messages.debug('D');
    messages.report('R');
    return text;
  };
  it('are printed by the bits of their level', () => {
    assert.deepEqual([0, 2, 5, 8, 16, 7, 31].map(printed), ['', 'C', '', 'D', 'R', 'C', 'CDR']);
  });
});

describe('the time that is left', () => {
  it('is told in at most two units', () => {
    assert.deepEqual([0, 12.4, 99, 100, 200, 5999, 7500, 200_000].map(etaText), [
      'eta: 0s',
      'eta: 12s',
      'eta: 99s',
      'eta: 1m40s',
      'eta: 3m20s',
      'eta: 99m59s',
      'eta: 2h5m',
      'eta: 2d7h',
    ]);
  });
});
