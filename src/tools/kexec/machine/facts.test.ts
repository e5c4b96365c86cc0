/** Machines made of files in a folder, as /proc and /sys have them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { elfFile, vmcoreinfoNote } from '../../../../test/support/elf-file.ts';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { dumpedRanges, readMachineFacts } from './facts.ts';
import { readAcpiRootPointer, readBootParams, readEfi } from './firmware.ts';
import { KernelFiles } from './kernel-files.ts';

const iomem = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-3ffd9fff : System RAM
  19000000-1a2fffff : Kernel code
  2d000000-3cffffff : Crash kernel
3ffda000-3fffffff : Reserved
`;
const kcore = elfFile({
  notes: vmcoreinfoNote('OSRELEASE=6.1.0\nPAGESIZE=4096\n'),
  segments: [
    { vaddr: 0xffff_ffff_b320_0000n, paddr: 0x1900_0000, memorySize: 0x343_0000 },
    { vaddr: 0xffff_8e6b_0010_0000n, paddr: 0x10_0000, memorySize: 0x3fed_a000 },
  ],
});
const files: Readonly<Record<string, string | Uint8Array>> = {
  'proc/iomem': iomem,
  'proc/kcore': kcore,
  'proc/kallsyms': 'ffffffffb3200000 T _text\n',
  'proc/sys/kernel/osrelease': '6.1.0-50-amd64\n',
  'sys/kernel/vmcoreinfo': '0x00000000010c66000 1024\n',
  'sys/devices/system/cpu/online': '0-1\n',
  'sys/devices/system/cpu/cpu0/crash_notes': '3e2d4c00\n',
  'sys/devices/system/cpu/cpu0/crash_notes_size': '356\n',
  'sys/devices/system/cpu/cpu10/crash_notes': '3e4d4c00\n',
  'sys/devices/system/cpu/cpu10/crash_notes_size': '356\n',
  'sys/devices/system/cpu/cpu2/crash_notes': '3e3d4c00\n',
  'sys/devices/system/cpu/cpu2/crash_notes_size': '356\n',
  'sys/devices/system/cpu/cpu3/online': '0\n',
};

describe('a machine', () => {
  let folder: string | undefined;
  const machine = (changes: Readonly<Record<string, string | Uint8Array | undefined>> = {}): KernelFiles => {
    folder = mkdtempSync(join(tmpdir(), 'machine-'));
    for (const [name, content] of Object.entries({ ...files, ...changes })) {
      if (content === undefined) continue;
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    return new KernelFiles(folder);
  };
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
    folder = undefined;
  });

  it('tells everything about itself', () => {
    const facts = readMachineFacts(machine({ 'sys/kernel/crash_elfcorehdr_size': '917616\n' }));
    assert.equal(facts.arch, 'x86_64');
    assert.equal(facts.release, '6.1.0-50-amd64');
    assert.equal(facts.pageSize, 4096);
    assert.deepEqual(facts.crashKernels, [{ start: 0x2d00_0000, end: 0x3d00_0000 }]);
    assert.deepEqual(
      facts.cpuNotes.map(({ address }) => address),
      [0x3e2d4c00, 0x3e3d4c00, 0x3e4d4c00],
      'in the order of the numbers; CPU 3 is not present',
    );
    assert.deepEqual(facts.vmcoreinfo, { address: 0x10c66000, size: 0x1024 });
    assert.equal(facts.kernelText.paddr, 0x1900_0000);
    assert.equal(facts.linearOffset, 0xffff_8e6b_0000_0000n);
    assert.equal(facts.hotplugHeaderSize, 917616);
    assert.deepEqual(facts.remarks, []);
  });

  it('dumps its RAM without the crash kernel and the first MiB', () => {
    assert.deepEqual(dumpedRanges(readMachineFacts(machine())), [
      { start: 0x10_0000, end: 0x2d00_0000 },
      { start: 0x3d00_0000, end: 0x3ffd_a000 },
    ]);
  });

  it('can do without kallsyms, and says so', () => {
    const hidden = readMachineFacts(machine({ 'proc/kallsyms': '0000000000000000 T _text\n' }));
    assert.equal(hidden.kernelText.paddr, 0x1900_0000);
    assert.match(hidden.remarks.join(), /_text is hidden/);
  });

  it('needs kcore, a reservation and notes', () => {
    assert.throws(
      () => readMachineFacts(machine({ 'proc/kcore': undefined })),
      failsWith('E_NEEDS', /mapped/),
    );
    const without = { 'proc/iomem': '00000000-3fffffff : System RAM\n' };
    assert.throws(() => readMachineFacts(machine(without)), failsWith('E_NEEDS', /no memory is reserved/));
    const noNotes = Object.fromEntries(
      Object.keys(files).flatMap((name) => (/crash_notes$/.test(name) ? [[name, undefined]] : [])),
    );
    assert.throws(() => readMachineFacts(machine(noNotes)), failsWith('E_NEEDS', /registers/));
  });

  it('is refused when it is not the whole machine', () => {
    const xen = { 'proc/xen/capabilities': 'control_d\n' };
    assert.throws(() => readMachineFacts(machine(xen)), failsWith('E_UNSUPPORTED', /Xen/));
  });

  it('hands on the map of its firmware, in order', () => {
    const entry = (n: number, start: string, end: string, type: string) => ({
      [`sys/firmware/memmap/${n}/start`]: `${start}\n`,
      [`sys/firmware/memmap/${n}/end`]: `${end}\n`,
      [`sys/firmware/memmap/${n}/type`]: `${type}\n`,
    });
    const facts = readMachineFacts(
      machine({
        ...entry(10, '0x100000000', '0x13fffffff', 'System RAM'),
        ...entry(2, '0xbffda000', '0xbfffffff', 'Reserved'),
        ...entry(1, '0xbffd0000', '0xbffd9fff', 'ACPI Tables'),
        ...entry(0, '0x0', '0x9fbff', 'Something of the year 2030'),
      }),
    );
    assert.deepEqual(facts.firmwareMap, [
      { start: 0, end: 0x9fc00, type: 'reserved' },
      { start: 0xbffd_0000, end: 0xbffd_a000, type: 'acpi' },
      { start: 0xbffd_a000, end: 0xc000_0000, type: 'reserved' },
      { start: 0x1_0000_0000, end: 0x1_4000_0000, type: 'ram' },
    ]);
  });

  it('hands on what EFI and the boot loader left, where there is something', () => {
    const plain = machine();
    assert.equal(readEfi(plain), undefined);
    assert.equal(readAcpiRootPointer(plain), undefined);
    assert.equal(readBootParams(plain), undefined);
    rmSync(plain.path('.'), { recursive: true });
    const range = 'sys/firmware/efi/runtime-map/0';
    const efi = machine({
      'sys/firmware/efi/fw_vendor': '0xffffa018\n',
      'sys/firmware/efi/runtime': '0x7f9eeb98\n',
      'sys/firmware/efi/config_table': '0x7f9eec18\n',
      'sys/firmware/efi/systab': 'ACPI20=0x7fb7e014\nACPI=0x7fb7e000\nSMBIOS=0x7f9cc000\n',
      [`${range}/type`]: '0x5\n',
      [`${range}/phys_addr`]: '0x7f8ed000\n',
      [`${range}/virt_addr`]: '0xfffffffeff8ed000\n',
      [`${range}/num_pages`]: '0x100\n',
      [`${range}/attribute`]: '0x800000000000000f\n',
      'sys/kernel/boot_params/data': new Uint8Array(4096).fill(7),
    });
    assert.deepEqual(readEfi(efi), {
      firmwareVendor: 0xffffa018,
      runtimeServices: 0x7f9eeb98,
      configTable: 0x7f9eec18,
      runtimeMap: [
        {
          type: 5,
          physical: 0x7f8e_d000,
          virtual: 0xffff_fffe_ff8e_d000n,
          pages: 0x100,
          attribute: 0x8000_0000_0000_000fn,
        },
      ],
    });
    assert.equal(readAcpiRootPointer(efi), 0x7fb7e014);
    assert.equal(readBootParams(efi)?.length, 4096);
  });
});
