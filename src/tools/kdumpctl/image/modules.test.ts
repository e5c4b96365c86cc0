import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { findProgram } from '../../../sys/programs.ts';
import { cachedModuleTree } from './module-cache.ts';
import { readModuleTree, unpackedModule } from './module-tree.ts';
import { loadOrder, modulesForDevice } from './modules.ts';

/** The facts of Debian 12's ext4 and crc32c modules, which the tree below states once a way. */
const facts: Readonly<Record<string, readonly string[]>> = {
  'kernel/fs/ext4/ext4.ko': ['depends=jbd2,mbcache,crc16', 'softdep=pre: crypto-crc32c', 'alias=fs-ext4'],
  'kernel/fs/jbd2/jbd2.ko': ['depends='],
  'kernel/fs/mbcache.ko': ['depends='],
  'kernel/lib/crc16.ko': ['depends='],
  'kernel/crypto/crc32c_generic.ko': ['depends=', 'alias=crypto-crc32c', 'alias=crc32c'],
  'kernel/arch/x86/crypto/crc32c-intel.ko': ['depends=', 'alias=crypto-crc32c', 'alias=cpu:type:x86,ven*'],
};

function inTree(files: Readonly<Record<string, string | Uint8Array>>, run: (tree: string) => Promise<void>) {
  return async (): Promise<void> => {
    const tree = mkdtempSync(join(tmpdir(), 'vmcore-modules-'));
    try {
      for (const [path, data] of Object.entries(files)) {
        mkdirSync(join(tree, dirname(path)), { recursive: true });
        writeFileSync(join(tree, path), data);
      }
      await run(tree);
    } finally {
      rmSync(tree, { recursive: true });
    }
  };
}

/** A relocatable ELF64 file with nothing but a .modinfo section. */
function moduleWith(info: readonly string[]): Uint8Array {
  const text = Buffer.from(`${info.join('\0')}\0`);
  const names = Buffer.from('\0.modinfo\0.shstrtab\0');
  const file = Buffer.alloc(64 + text.length + names.length + 3 * 64);
  const table = 64 + text.length + names.length;
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeBigUInt64LE(BigInt(table), 40);
  file.writeUInt16LE(3, 60);
  file.writeUInt16LE(2, 62);
  text.copy(file, 64);
  names.copy(file, 64 + text.length);
  const section = (index: number, name: number, offset: number, size: number): void => {
    file.writeUInt32LE(name, table + index * 64);
    file.writeBigUInt64LE(BigInt(offset), table + index * 64 + 24);
    file.writeBigUInt64LE(BigInt(size), table + index * 64 + 32);
  };
  section(1, 1, 64, text.length);
  section(2, 10, 64 + text.length, names.length);
  return file;
}

const names = (list: ReturnType<typeof loadOrder>): string[] =>
  list.map(({ module, optional }) => module.name + (optional ? '?' : ''));

const depmodTree = {
  'kernel/placeholder': '',
  'modules.dep': [
    'kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz',
    'kernel/fs/jbd2/jbd2.ko.xz:',
    'kernel/lib/crc16.ko.xz:',
    'kernel/crypto/crc32c_generic.ko.xz:',
    'kernel/arch/x86/crypto/crc32c-intel.ko.xz:',
    'kernel/a.ko: kernel/b.ko',
    'kernel/b.ko:',
  ].join('\n'),
  'modules.softdep':
    '# Soft dependencies\nsoftdep ext4 pre: crypto-crc32c post: late\nsoftdep b pre: a\nsoftdep a pre: nowhere',
  'modules.alias':
    'alias crypto-crc32c crc32c_generic\nalias crypto-crc32c crc32c_intel\nalias pci:v*d* virtio_pci',
  'modules.builtin': 'kernel/drivers/virtio/virtio.ko\n',
};

test(
  "depmod's files give dependencies first, and soft ones as optional",
  inTree(depmodTree, async (tree) => {
    const index = await readModuleTree(tree);
    assert.deepEqual(names(loadOrder(index, ['ext4'])), [
      'crc32c_generic?',
      'crc32c_intel?',
      'crc16',
      'jbd2',
      'ext4',
    ]);
    assert.deepEqual(names(loadOrder(index, ['virtio'])), [], 'built in: nothing to load');
    assert.deepEqual(names(loadOrder(index, ['ext4', 'crc32c-intel', 'ext4'])).slice(0, 2), [
      'crc32c_generic?',
      'crc32c_intel',
    ]);
    assert.deepEqual(names(loadOrder(index, ['a'])), ['b', 'a'], 'a circle of soft dependencies ends');
    assert.throws(() => loadOrder(index, ['squashfs']), {
      code: 'E_NEEDS',
      message: /has no module squashfs/,
    });
  }),
);

const bareTree = {
  'modules.order': Object.keys(facts).join('\n'),
  ...Object.fromEntries(Object.entries(facts).map(([path, info]) => [path, moduleWith(info)])),
};

test(
  'a tree that depmod has not seen gives the same from the modules',
  inTree(bareTree, async (tree) => {
    assert.deepEqual(names(loadOrder(await readModuleTree(tree), ['ext4'])), [
      'crc32c_generic?',
      'crc32c_intel?',
      'jbd2',
      'mbcache',
      'crc16',
      'ext4',
    ]);
  }),
);

test(
  'a dependency that is not in the tree is named with who needs it',
  inTree({ 'kernel/fs/ext4.ko': moduleWith(['depends=jbd2']) }, async (tree) => {
    const index = await readModuleTree(tree);
    assert.throws(() => loadOrder(index, ['ext4']), { code: 'E_NEEDS', message: /jbd2, which ext4 needs/ });
  }),
);

test(
  'zstd modules are unpacked',
  inTree({ 'kernel/a.ko.zst': zstdCompressSync(moduleWith(['depends=b'])) }, async (tree) => {
    assert.deepEqual(Buffer.from(await unpackedModule(tree, 'kernel/a.ko.zst')), moduleWith(['depends=b']));
    assert.deepEqual((await readModuleTree(tree)).modules.get('a')?.depends, ['b']);
  }),
);

test(
  'xz modules are unpacked',
  { skip: findProgram('xz') === undefined && 'xz is not installed' },
  inTree({ 'kernel/a.ko': moduleWith(['depends=b']) }, async (tree) => {
    execFileSync(findProgram('xz') ?? '', [join(tree, 'kernel/a.ko')]);
    assert.deepEqual((await readModuleTree(tree)).modules.get('a')?.depends, ['b']);
  }),
);

test(
  'a scanned tree is remembered until it changes',
  inTree(bareTree, async (tree) => {
    const before = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = mkdtempSync(join(tmpdir(), 'vmcore-cache-'));
    try {
      const first = await cachedModuleTree(tree);
      assert.deepEqual(first, await readModuleTree(tree));
      rmSync(join(tree, 'kernel/fs/ext4/ext4.ko'));
      assert.deepEqual(await cachedModuleTree(tree), first, 'not scanned again');
      writeFileSync(join(tree, 'modules.order'), '');
      assert.equal((await cachedModuleTree(tree)).modules.has('ext4'), false, 'scanned again');
    } finally {
      rmSync(process.env.XDG_CACHE_HOME ?? '', { recursive: true });
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
    }
  }),
);

test('a folder that is no module tree is refused', async () => {
  await assert.rejects(readModuleTree(tmpdir()), { code: 'E_FILE' });
  await assert.rejects(readModuleTree('/nowhere'), { code: 'E_FILE' });
});

const virtioDisk = 'virtio:d00000002v00001AF4';
const ahci = 'pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01';

test(
  'a device finds the modules that say they drive it',
  inTree(
    {
      ...depmodTree,
      'modules.alias': [
        '# Aliases extracted from modules themselves.',
        'alias pci:v*d*sv*sd*bc01sc06i01* ahci',
        'alias pci:v00008086d00002922sv*sd*bc*sc*i* ahci',
        'alias pci:v0000[78]*d00002922sv*sd*bc*sc*i* other-ahci',
        'alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci',
        'alias virtio:d00000002v* virtio_blk',
      ].join('\n'),
    },
    async (tree) => {
      const index = await readModuleTree(tree);
      assert.deepEqual(modulesForDevice(index, ahci), ['ahci', 'other_ahci']);
      assert.deepEqual(modulesForDevice(index, virtioDisk), ['virtio_blk']);
      assert.deepEqual(modulesForDevice(index, 'virtio:d00000001v00001AF4'), []);
      assert.deepEqual(modulesForDevice(index, 'acpi:PNP0A03:'), []);
    },
  ),
);
