import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kernelLog, kernelLogText } from './kernel-log.ts';

const records = kernelLog();

describe('the log of this kernel', { skip: records.length === 0 && 'it may not be read here' }, () => {
  it('as text has a line for each record, with its time', () => {
    const lines = kernelLogText().split('\n');
    assert.equal(lines.pop(), '');
    for (const { time, text } of records.slice(-20)) {
      const stamp = `[${(time / 1e6).toFixed(6).padStart(12)}]`;
      // Records of several lines, and callers, are told in other ways.
      const line = lines.find((one) => one.startsWith(stamp) && one.endsWith(text.replaceAll('\\x0a', '\n')));
      assert.ok(line, `${stamp} ${text}`);
    }
  });
});
