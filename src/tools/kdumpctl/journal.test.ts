import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { journalLine, parseJournalLine } from './journal.ts';

test('an event comes back from the line that the console shows', () => {
  const fields = { path: '/var/crash/127.0.0.1-2026-11-22', bytes: 64123456, ok: true, counts: { zero: 12 } };
  const line = `[    5.012345] ${journalLine('dump-saved', fields)}\r`;
  assert.deepEqual(parseJournalLine(line), { name: 'dump-saved', time: 5.012345, fields });
  assert.equal(parseJournalLine(`[    5.012345][  T113] ${journalLine('x')}`)?.time, 5.012345);
  assert.equal(parseJournalLine(`garbage before vmcore: x {}`)?.time, undefined);
});

test('any text survives, and every line is short ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 1200 }), fc.integer(), (text, number) => {
      const line = journalLine('save-failed', { message: text, number });
      assert.ok(line.length <= 900 && /^[\x20-\x7e]*$/.test(line), line);
      const back = parseJournalLine(`[    0.000001] ${line}`);
      assert.ok(back);
      if (back.fields.cut === true) return;
      assert.equal(back.fields.number, number);
      const message = back.fields.message;
      assert.ok(typeof message === 'string');
      assert.ok(message === text || (message.endsWith('…') && text.startsWith(message.slice(0, -1))));
    }),
  );
});

test('other lines, and halves of lines, are not events', () => {
  for (const line of [
    '',
    '[    1.0] Linux version 6.1.0',
    '[    1.0] vmcore: save-start',
    '[    1.0] vmcore: dump-saved {"path":"/va',
    '[    1.0] vmcore: {"path":1}',
  ]) {
    assert.equal(parseJournalLine(line), undefined, line);
  }
});
