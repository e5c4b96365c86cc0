/**
 * The modules of the rehearsed dump: what the kernel keeps of them in several places must agree.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Kernel } from '../src/kernel/kernel.ts';
import { Modules } from '../src/kernel/modules/modules.ts';
import { openKallsyms } from '../src/kernel/symbols/kallsyms.ts';
import { findBtf } from '../src/kernel/types/btf-scan.ts';
import { layoutsOf } from '../src/kernel/types/layouts.ts';
import { findPath, sizeOf } from '../src/kernel/types/types.ts';
import { open, savedDump } from './rehearsal.ts';

describe('modules of the rehearsed dump', () => {
  const kernel = new Kernel(open(savedDump()));
  const kallsyms = openKallsyms(kernel);
  const layouts = layoutsOf(kernel);
  const vmlinux = findBtf(kernel)!;
  const modules = new Modules(kernel, layouts, {
    symbol: (name) => kallsyms.address(name),
    btf: () => vmlinux,
  });

  it('are those that the disk of the guest needs', () => {
    for (const name of ['virtio_blk', 'virtio-pci', 'ext4', 'jbd2'])
      assert.equal(modules.find(name)?.state, 'live', name);
  });

  it('have their struct module where their own symbol says, and as large as the types say', () => {
    for (const module of modules.all()) {
      const own = modules.symbols(module).find('__this_module');
      assert.equal(own?.address, module.address, module.name);
      assert.equal(own.size, layouts.requireSize('module'), module.name);
      assert.equal(modules.at(module.address), module);
    }
  });

  it('have their symbols in their memory', () => {
    for (const module of modules.all()) {
      const symbols = modules.symbols(module);
      const all = [...symbols];
      let code = 0;
      for (const { name, type, address, size } of all) {
        // Not absolute ones, and per-CPU variables.
        if (!/[tTdDbBrR]/.test(type)) continue;
        assert.equal(modules.at(address), module, `${module.name}: ${name}`);
        if (!/[tT]/.test(type) || size === 0) continue;
        code++;
        const place = symbols.lookup(address);
        assert.equal(place?.address, address, `${module.name}: ${name}`);
        // It ends at the next symbol, which assembly code has inside of functions (crc_pcl of crc32c_intel).
        const end = address + BigInt(size);
        const inner = all.some((other) => other.address > address && other.address < end);
        assert.ok(inner || place.size >= size, `${module.name}: ${name}`);
      }
      assert.ok(code > 0, module.name);
    }
  });

  it('have types of their own, which fit to their data', () => {
    const ext4 = modules.find('ext4')!;
    const types = modules.typesOf(ext4)!;
    assert.equal(vmlinux.struct('ext4_sb_info'), undefined);
    const info = types.struct('ext4_sb_info')!;
    // struct buffer_head is vmlinux's.
    const block = findPath(info, 's_sbh')!.member.type();
    assert.ok(block.kind === 'pointer' && sizeOf(block.target()) === vmlinux.struct('buffer_head')!.size);
    for (const module of modules.all()) assert.ok(modules.typesOf(module), module.name);
    const owner = layouts.requireOffset('file_system_type.owner');
    const fs = modules.symbols(ext4).find('ext4_fs_type')!;
    assert.equal(fs.size, layouts.requireSize('file_system_type'));
    assert.equal(kernel.read(fs.address, fs.size).length, fs.size);
    assert.equal(
      new DataView(kernel.read(fs.address, fs.size).buffer).getBigUint64(owner, true),
      ext4.address,
    );
  });
});
