/**
 * Our device trees beside those of the tools that everybody uses: dtc and fdtget (libfdt), and QEMU, whose virt machine brings the tree
 * that our arm64 guests boot with.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { deviceTreeTool, type Peer } from '../lab/peers.ts';
import { type DeviceTree, parseDeviceTree } from '../src/formats/fdt.ts';
import { cellsOf, findNode, numberOf, rangesOf, stringOf } from '../src/formats/fdt-properties.ts';
import { writeDeviceTree } from '../src/formats/fdt-writer.ts';
import { requireProgram, runChecked } from '../src/sys/programs.ts';
import { captureDeviceTree, deviceTreeBlob } from '../src/tools/kexec/device-tree.ts';
import { readDeviceTreeFile, readDeviceTreeFolder } from '../src/tools/kexec/running-device-tree.ts';
import { writeDeviceTreeFolder } from './support/device-tree-folder.ts';
import { failsWith } from './support/expect-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-device-trees-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);

let dtc: Peer;
let fdtget: Peer;
before(async () => {
  [dtc, fdtget] = [await deviceTreeTool('dtc'), await deviceTreeTool('fdtget')];
  const qemu = requireProgram({ name: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm' });
  const machine = ['-machine', `virt,dumpdtb=${file('virt.dtb')}`, '-cpu', 'cortex-a72', '-smp', '3'];
  await runChecked(qemu, [...machine, '-m', '1024', '-nographic'], { timeout: 60_000 });
  writeFileSync(file('box.dts'), source);
});

const source = `/dts-v1/;
/memreserve/ 0x40000000 0x1000;
/memreserve/ 0x123456789000 0x2000;
/ {
  #address-cells = <3>;
  #size-cells = <2>;
  model = "a box, of tests";
  compatible = "test,box", "test,any";
  memory@80000000 { device_type = "memory"; reg = <0 0 0x80000000 0x1 0>; };
  uart: serial@9000000 { reg = <0 0 0x9000000 0 0x1000>; bytes = [00 ff 80 9f]; dma-coherent; };
  chosen { bootargs = "console=ttyAMA0 quiet"; stdout-path = &uart; linux,initrd-start = /bits/ 64 <0x123456789>; };
};
`;

/** `from` and `to` are dtc's names of formats; the output is a file. */
async function convert(from: string, input: string, to: string, ...options: string[]): Promise<string> {
  const output = file(`${input}.${options.join('')}.${to}`);
  const run = await dtc.run(['-q', '-I', from, '-O', to, ...options, '-o', output, file(input)]);
  assert.equal(run.status, 0, run.stderr);
  return output;
}

async function propertyIn(blob: string, path: string, property: string): Promise<string> {
  const run = await fdtget.run(['-t', 'x', blob, path, property]);
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.toString('latin1').trim();
}

describe('what dtc compiles', () => {
  for (const version of ['17', '16']) {
    it(`as version ${version} is read`, async () => {
      const tree = readDeviceTreeFile(await convert('dts', 'box.dts', 'dtb', '-V', version, '-b', '5'));
      assert.equal(tree.bootCpu, 5);
      assert.deepEqual(tree.reservations, [
        { address: 0x4000_0000, size: 0x1000 },
        { address: 0x1234_5678_9000, size: 0x2000 },
      ]);
      const cells = cellsOf(tree.root);
      assert.deepEqual(cells, { address: 3, size: 2 });
      assert.deepEqual(rangesOf(findNode(tree, '/memory')!, 'reg', cells), [
        { address: 0x8000_0000, size: 0x1_0000_0000 },
      ]);
      const chosen = findNode(tree, '/chosen')!;
      assert.equal(stringOf(chosen, 'bootargs'), 'console=ttyAMA0 quiet');
      assert.equal(numberOf(chosen, 'linux,initrd-start'), 0x1_2345_6789);
      const uart = findNode(tree, stringOf(chosen, 'stdout-path')!)!;
      assert.deepEqual(
        uart.properties.map(({ name, value }) => [name, [...value].slice(0, 4)]),
        [
          ['reg', [0, 0, 0, 0]],
          ['bytes', [0x00, 0xff, 0x80, 0x9f]],
          ['dma-coherent', []],
        ],
      );
    });
  }

  it('as version 3 is refused as too old', async () => {
    const old = await convert('dts', 'box.dts', 'dtb', '-V', '3');
    assert.throws(() => readDeviceTreeFile(old), failsWith('E_UNSUPPORTED', /version 3;/));
  });

  it('is written by us to the same bytes', async () => {
    const theirs = readFileSync(await convert('dts', 'box.dts', 'dtb'));
    assert.ok(theirs.equals(writeDeviceTree(parseDeviceTree(theirs))));
  });
});

describe("the tree of QEMU's virt machine", () => {
  it('is written by us to the bytes that dtc writes', async () => {
    const ours = writeDeviceTree(readDeviceTreeFile(file('virt.dtb')));
    const theirs = readFileSync(await convert('dtb', 'virt.dtb', 'dtb'));
    assert.ok(theirs.equals(ours));
  });

  it('is the same as a folder, to dtc and to us', async () => {
    const tree = readDeviceTreeFile(file('virt.dtb'));
    writeDeviceTreeFolder(tree.root, file('virt'));
    const fromFolder = readDeviceTreeFolder(file('virt'));
    writeFileSync(file('from-folder.dtb'), writeDeviceTree(fromFolder));
    const ours = await convert('dtb', 'from-folder.dtb', 'dts', '-s');
    const theirs = await convert('fs', 'virt', 'dts', '-s');
    const whole = await convert('dtb', 'virt.dtb', 'dts', '-s');
    assert.equal(readFileSync(ours, 'latin1'), readFileSync(whole, 'latin1'));
    assert.equal(readFileSync(ours, 'latin1'), readFileSync(theirs, 'latin1'));
  });
});

describe('the tree of a capture kernel', () => {
  const capture = (running: DeviceTree): Uint8Array =>
    deviceTreeBlob(
      captureDeviceTree(running, {
        commandLine: 'console=ttyAMA0 nr_cpus=1',
        initrd: { start: 0x7100_0000, end: 0x7123_4567 },
        crash: {
          elfcorehdr: { start: 0x7ff0_0000, end: 0x7ff0_1000 },
          usable: [
            { start: 0x7000_0000, end: 0x8000_0000 },
            { start: 0x1_4000_0000, end: 0x1_5000_0000 },
          ],
        },
        random: (bytes) => new Uint8Array(bytes).fill(0x5a),
      }),
    );

  it('says to libfdt what it should', async () => {
    const blob = file('capture.dtb');
    writeFileSync(blob, capture(readDeviceTreeFile(file('virt.dtb'))));
    const expected = {
      'linux,elfcorehdr': '0 7ff00000 0 1000',
      'linux,usable-memory-range': '1 40000000 0 10000000 0 70000000 0 10000000',
      'linux,initrd-start': '0 71000000',
      'linux,initrd-end': '0 71234567',
      'kaslr-seed': '5a5a5a5a 5a5a5a5a',
      'rng-seed': Array.from({ length: 32 }, () => '5a5a5a5a').join(' '),
    };
    for (const [name, value] of Object.entries(expected)) {
      assert.equal(await propertyIn(blob, '/chosen', name), value, name);
    }
    const bootargs = await fdtget.run([blob, '/chosen', 'bootargs']);
    assert.equal(bootargs.stdout.toString(), 'console=ttyAMA0 nr_cpus=1\n');
  });

  it('differs from the running one in /chosen and in what is reserved only', async () => {
    writeFileSync(file('capture.dtb'), capture(readDeviceTreeFile(file('virt.dtb'))));
    const lines = async (name: string): Promise<string[]> =>
      readFileSync(await convert('dtb', name, 'dts', '-s'), 'latin1').split('\n');
    const [before, afterwards] = [await lines('virt.dtb'), await lines('capture.dtb')];
    const added = afterwards
      .filter((line) => !before.includes(line))
      .map((line) => line.trim().split(/\s+/)[0]);
    assert.deepEqual(added, [
      '/memreserve/',
      '/memreserve/',
      'bootargs',
      'kaslr-seed',
      'linux,booted-from-kexec;',
      'linux,elfcorehdr',
      'linux,initrd-end',
      'linux,initrd-start',
      'linux,usable-memory-range',
      'rng-seed',
    ]);
    assert.deepEqual(
      before.filter((line) => !afterwards.includes(line)).map((line) => line.trim().split(/\s+/)[0]),
      ['kaslr-seed', 'rng-seed'],
    );
  });
});
