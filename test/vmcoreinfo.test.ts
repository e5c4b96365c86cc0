/**
 * A real crash opened as if its kernel had left no vmcoreinfo: the text is what -g would make of its vmlinux (link addresses, nothing of the
 * run), put together from the dump's own symbols; joined with the dump it must say what the kernel itself had printed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MemorySource } from '../src/base/byte-source.ts';
import { silentProgress } from '../src/base/progress.ts';
import { asVaddr } from '../src/base/units.ts';
import { nativeCodecs } from '../src/codecs/native.ts';
import { type Dump, noteNames } from '../src/formats/dump.ts';
import { openDump } from '../src/formats/open.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { openKallsyms } from '../src/kernel/symbols/kallsyms.ts';
import { dmesgText } from '../src/tools/crash/log.ts';
import { makedumpfile } from '../src/tools/makedumpfile/makedumpfile.ts';
import { type MemUsage, memUsage } from '../src/tools/makedumpfile/mem-usage.ts';
import { withKernelInfo } from '../src/tools/makedumpfile/vmcoreinfo/apply.ts';
import { runTimeSymbols } from '../src/tools/makedumpfile/vmcoreinfo/generate.ts';
import { open, rawDump, savedDump } from './rehearsal.ts';
import { MemorySink } from './support/memory-sink.ts';

const runTime =
  /^(KERNELOFFSET|CRASHTIME|NUMBER\((phys_base|pgtable_l5_enabled|sme_mask|MAX_PHYSMEM_BITS|VMALLOC_START)\)|LENGTH\(mem_section\)|SYMBOL\((mem_section|vmemmap)\))=/;

/** What -g makes of this kernel's vmlinux. */
function linkedText(dump: Dump): string {
  const kernel = new Kernel(dump);
  const slide = BigInt(`0x${kernel.info.text('KERNELOFFSET')}`);
  const kallsyms = openKallsyms(kernel);
  const link = (address: bigint): string => asVaddr(address - slide).toString(16);
  const own = (dump.vmcoreinfo ?? '')
    .split('\n')
    .filter((line) => line !== '' && !runTime.test(line))
    .map((line) =>
      line.replace(
        /^(SYMBOL\(.*\)=)(.*)$/,
        (_, key: string, value: string) => key + link(BigInt(`0x${value}`)),
      ),
    );
  const added = ['mem_section', ...runTimeSymbols[dump.arch]].map((name) => {
    const address = kallsyms.address(name);
    assert.ok(address !== undefined, `kallsyms has ${name}`);
    return `SYMBOL(${name})=${link(address)}`;
  });
  return [...own, ...added, ''].join('\n');
}

const keysOf = (text: string): Map<string, string> =>
  new Map(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );

for (const [name, path] of [
  ['the saved dump, level 31', savedDump()],
  ['the whole /proc/vmcore', rawDump()],
] as const) {
  describe(`vmcoreinfo from outside, joined with ${name}`, () => {
    const dump = open(path);
    const text = linkedText(dump);

    it('finds the kernel that KASLR moved, and says what the kernel itself said', () => {
      const hidden = withKernelInfo(
        { ...dump, memory: dump.memory, describe: () => dump.describe(), vmcoreinfo: undefined },
        text,
        'text',
      );
      const found = keysOf(hidden.vmcoreinfo ?? '');
      const missing: string[] = [];
      for (const [key, value] of keysOf(dump.vmcoreinfo ?? '')) {
        if (found.has(key)) assert.equal(found.get(key), value, key);
        else missing.push(key);
      }
      // Nothing in memory tells when it crashed; where vmalloc begins is in no symbol of 6.1.
      assert.deepEqual(
        missing.filter((key) => key !== 'NUMBER(VMALLOC_START)'),
        ['CRASHTIME'],
      );
    });

    it('goes into a copy of the dump, which then describes itself', async () => {
      const notes = dump.notes.filter((note) => note.name !== noteNames.vmcoreinfo);
      const mute: Dump = {
        ...dump,
        memory: dump.memory,
        describe: () => dump.describe(),
        notes,
        vmcoreinfo: undefined,
      };
      const joined = withKernelInfo(mute, text, 'text');
      const sink = new MemorySink();
      await makedumpfile({
        dump: joined,
        level: 31,
        format: { kind: 'kdump', codec: 'lzo' },
        outputs: [sink],
        resources: { workers: 0, bitmapBytes: 2 ** 20 },
        progress: silentProgress,
      });
      const copy = openDump(new MemorySource(sink.bytes()), { codecs: nativeCodecs(), cutShort: 'refuse' });
      assert.equal(copy.vmcoreinfo, joined.vmcoreinfo);
      assert.equal(
        dmesgText(new Kernel(copy), { caller: true }),
        dmesgText(new Kernel(dump), { caller: true }),
      );
    });

    it('changes nothing of what the dump says itself', () => {
      const joined = withKernelInfo(dump, text, 'text').vmcoreinfo ?? '';
      assert.ok(joined.startsWith(dump.vmcoreinfo ?? '?'));
      assert.equal(
        keysOf(joined).get('SYMBOL(mem_section)'),
        keysOf(dump.vmcoreinfo ?? '').get('SYMBOL(mem_section)'),
      );
    });

    it('is refused when it is of another release', () => {
      const other = text.replace(/^OSRELEASE=.*$/m, 'OSRELEASE=1.2.3');
      assert.throws(() => withKernelInfo(dump, other, 'text'), /is of kernel 1\.2\.3/);
    });
  });
}

describe('a kernel that printed less about itself', () => {
  const dump = open(rawDump());
  const usage = (vmcoreinfo: string | undefined): MemUsage =>
    memUsage({
      dump: { ...dump, memory: dump.memory, describe: () => dump.describe(), vmcoreinfo },
      reserved: [],
      bitmapBytes: 2 ** 20,
      progress: silentProgress,
    });
  const without = (keys: RegExp): string =>
    (dump.vmcoreinfo ?? '')
      .split('\n')
      .filter((line) => !keys.test(line))
      .join('\n');

  it('has its pages told apart all the same, by arithmetic and by the BTF in the dump', () => {
    const whole = usage(dump.vmcoreinfo);
    assert.ok(whole.free > 10_000 && whole.cache > 1000 && whole.user > 1000, JSON.stringify(whole));
    // As until 5.8.
    assert.deepEqual(usage(without(/^NUMBER\((SECTION_SIZE_BITS|MAX_PHYSMEM_BITS)\)/)), whole);
    // As no kernel did: nothing of page flags, page types, or struct page.
    assert.deepEqual(usage(without(/^NUMBER\((PG_|PAGE_|HUGETLB)|page[.)]|zone\.free_area/)), whole);
  });
});
