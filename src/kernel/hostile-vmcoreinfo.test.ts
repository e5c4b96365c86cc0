/**
 * A vmcoreinfo that lies in one line. It comes from the memory of a kernel that crashed, so everything in it can be wrong; in the capture
 * kernel an exception that is not ours would cost the dump, and a large allocation all of its memory.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { smallKernel, smallPages } from '../../test/support/dump-files.ts';
import { vmcoreinfoText } from '../../test/support/vmcoreinfo-text.ts';
import { type ErrorCode, VmcoreError } from '../base/errors.ts';
import { asPfn } from '../base/units.ts';
import { pageSelector } from '../tools/makedumpfile/filter.ts';
import { Kernel } from './kernel.ts';
import { readPrintkRecords } from './log/printk.ts';
import { readUtsname } from './utsname.ts';

const lies = [
  '',
  'zzz',
  '-',
  '0',
  '1',
  '7',
  '63',
  '-1',
  '4095',
  '65536',
  '2147483647',
  '4294967296',
  '999999999999999',
  '99999999999999999999',
  '-99999999999999999999',
  '18446744073709551615',
  '0xffffffffffffffff',
  'ffffffffffffffff',
  '8000000000000000',
  'ffff888000000ff9',
];
const allowed: readonly ErrorCode[] = ['E_NO_INFO', 'E_UNREADABLE', 'E_CORRUPT'];
const maxBytes = 64 * 2 ** 20;
const maxMilliseconds = 3000;

const synthetic = smallKernel();
synthetic.addInfo({
  'SYMBOL(init_uts_ns)': synthetic.place(new Uint8Array(400)),
  'OFFSET(uts_namespace.name)': 4,
});
const dump = synthetic.dump();
const sound = synthetic.info;

/** What a capture asks of the kernel. */
const questions: Readonly<Record<string, (kernel: Kernel) => unknown>> = {
  log: readPrintkRecords,
  name: readUtsname,
  filter: (kernel) => {
    const select = pageSelector(kernel.dump, kernel, 31)();
    return select.select({ start: asPfn(0), end: asPfn(smallPages) });
  },
};

function ask(vmcoreinfo: string, what: string): void {
  for (const [name, question] of Object.entries(questions)) {
    const started = performance.now();
    const before = process.memoryUsage().arrayBuffers;
    try {
      question(new Kernel({ ...dump, vmcoreinfo }));
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw new Error(`${name} with ${what}`, { cause: error });
      assert.ok(allowed.includes(error.code), `${name} with ${what}: ${error.toLine()}`);
    }
    assert.ok(performance.now() - started < maxMilliseconds, `${name} with ${what} takes too long`);
    const allocated = process.memoryUsage().arrayBuffers - before;
    assert.ok(allocated < maxBytes, `${name} with ${what} allocates ${allocated} bytes`);
  }
}

describe('a vmcoreinfo that lies', () => {
  it('is sound, to begin with', () => {
    for (const question of Object.values(questions)) question(new Kernel(dump));
  });

  for (const key of Object.keys(sound)) {
    it(`about ${key} is survived`, () => {
      for (const lie of lies) ask(vmcoreinfoText({ ...sound, [key]: lie }), `${key}=${lie}`);
      const without = { ...sound };
      delete without[key];
      ask(vmcoreinfoText(without), `no ${key}`);
    });
  }
});
