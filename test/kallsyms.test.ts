/** Symbols of the rehearsed dump, read from its memory: the kernel's own words, in vmcoreinfo and in the call trace it logged, must agree. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asVaddr } from '../src/base/units.ts';
import { Kernel } from '../src/kernel/kernel.ts';
import { openKallsyms } from '../src/kernel/symbols/kallsyms.ts';
import { scanKallsyms } from '../src/kernel/symbols/kallsyms-scan.ts';
import { withFoundVmcoreinfo } from '../src/kernel/vmcoreinfo-scan.ts';
import { open, savedDump, savedLog } from './rehearsal.ts';

describe('kallsyms of the rehearsed dump', () => {
  const kernel = new Kernel(open(savedDump()));
  const symbols = openKallsyms(kernel);

  it('has the symbols that vmcoreinfo names, at their addresses', () => {
    const named = [...kernel.dump.vmcoreinfo!.matchAll(/^SYMBOL\((\w+)\)=([0-9a-f]+)$/gm)]
      .map(([, name, address]) => ({ name: name!, address: BigInt(`0x${address}`) }))
      .filter(({ name }) => !name.startsWith('kallsyms_'));
    // Some names are macros: node_online_map is an element of node_states.
    const known = named.filter(({ name }) => symbols.address(name) !== undefined);
    assert.ok(known.length > 5 && known.length >= named.length - 3, `${known.length} of ${named.length}`);
    for (const { name, address } of known) {
      // And some are what a variable points to.
      const found = symbols.address(name)!;
      const isPointer = found !== address && kernel.readPointer(found) === address;
      assert.ok(
        found === address || isPointer,
        `${name}: ${found.toString(16)}, not ${address.toString(16)}`,
      );
    }
  });

  it('is found by what it looks like, too, and says the same', () => {
    const silent = kernel.dump.vmcoreinfo!.replace(/^SYMBOL\(kallsyms_.*\n/gm, '');
    assert.ok(silent.length < kernel.dump.vmcoreinfo!.length);
    const found = scanKallsyms(new Kernel({ ...kernel.dump, vmcoreinfo: silent }));
    assert.equal(found?.encoding, symbols.encoding);
    assert.deepEqual([...found!], [...symbols]);
  });

  it('is the kernel of the vmcoreinfo that is in its memory', () => {
    const found = withFoundVmcoreinfo({ ...kernel.dump, vmcoreinfo: undefined, notes: [] });
    assert.equal(found?.vmcoreinfo, kernel.dump.vmcoreinfo);
  });

  it('gives the functions of the logged call trace their sizes, and finds them from every place in them', () => {
    const trace = new Map(
      [...savedLog().matchAll(/\] {2}([a-z_]\w*)\+0x([0-9a-f]+)\/0x([0-9a-f]+)$/gm)].map(
        ([, name, at, size]) => [name!, { offset: BigInt(`0x${at}`), size: BigInt(`0x${size}`) }],
      ),
    );
    assert.ok(trace.size >= 5, `${trace.size} functions in the trace`);
    for (const [name, { offset, size }] of trace) {
      const address = symbols.address(name);
      assert.ok(address !== undefined, name);
      assert.deepEqual(symbols.lookup(asVaddr(address + offset)), { name, address, offset, size });
      assert.notEqual(symbols.lookup(asVaddr(address + size))?.name, name);
    }
  });
});
