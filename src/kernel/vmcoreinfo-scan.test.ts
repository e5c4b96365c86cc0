import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { vmcoreinfoNote } from '../../test/support/elf-file.ts';
import { failsWith } from '../../test/support/expect-error.ts';
import { SyntheticKernel } from '../../test/support/synthetic-kernel.ts';
import { vmcoreinfoText } from '../../test/support/vmcoreinfo-text.ts';
import type { Dump } from '../formats/dump.ts';
import { openCrashedKernel } from './crashed-kernel.ts';
import { withFoundVmcoreinfo } from './vmcoreinfo-scan.ts';

const release = '6.1.0-test';

/** A kernel with its uname, and notes in its memory. Each is given what is changed in the kernel's own vmcoreinfo. */
function machine(...notes: readonly ((text: string) => string)[]): { dump: Dump; kernel: SyntheticKernel } {
  const kernel = new SyntheticKernel({ release });
  const uts = new Uint8Array(16 + 6 * 65);
  uts.set(new TextEncoder().encode(release), 16 + 2 * 65);
  kernel.addInfo({
    'SYMBOL(init_uts_ns)': kernel.placeVariable(uts).toString(16),
    'OFFSET(uts_namespace.name)': 16,
  });
  for (const change of notes) kernel.place(vmcoreinfoNote(change(vmcoreinfoText(kernel.info))));
  return { kernel, dump: { ...kernel.dump(), vmcoreinfo: undefined } };
}

const asItIs = (text: string): string => text;
const withoutCrash = (text: string): string => text.replace(/^CRASHTIME=.*\n/m, '');
const ofAnother = (text: string): string => text.replaceAll(release, '5.10.0-other');

describe('vmcoreinfo in memory', () => {
  it('is found where a dump has no note', () => {
    const { dump, kernel } = machine(asItIs);
    assert.equal(withFoundVmcoreinfo(dump)?.vmcoreinfo, vmcoreinfoText(kernel.info));
    assert.equal(openCrashedKernel(dump).info.text('OSRELEASE'), release);
  });

  it('is that of the crash, of several', () => {
    const { dump } = machine(withoutCrash, asItIs);
    assert.match(withFoundVmcoreinfo(dump)?.vmcoreinfo ?? '', /CRASHTIME=/);
  });

  it('of a machine that was stopped from outside has no time of a crash', () => {
    const { dump } = machine(withoutCrash);
    assert.match(withFoundVmcoreinfo(dump)?.vmcoreinfo ?? '', /^OSRELEASE=6\.1\.0-test\n/);
  });

  it("is not another kernel's, nor one that leads nowhere, nor one whose length is absurd", () => {
    const { dump } = machine(ofAnother, (text) => text.replace(/SYMBOL\(init_uts_ns\).*\n/, ''));
    assert.equal(withFoundVmcoreinfo(dump), undefined);
    const { dump: long, kernel } = machine();
    const note = vmcoreinfoNote(vmcoreinfoText(kernel.info));
    new DataView(note.buffer, note.byteOffset).setUint32(4, 0xffff_ffff, true);
    kernel.place(note);
    assert.equal(withFoundVmcoreinfo(long), undefined);
    assert.throws(() => openCrashedKernel(long), failsWith('E_NO_INFO', /no VMCOREINFO note/));
  });
});
