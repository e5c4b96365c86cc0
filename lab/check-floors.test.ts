import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkFloors } from './check-floors.ts';
import { factsOf } from './imports.ts';

/** `FILE:LINE: why` of every violation in a tree of files. */
function check(files: Readonly<Record<string, string>>): string[] {
  const source = mkdtempSync(join(tmpdir(), 'vmcore-floors-'));
  try {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(source, file)), { recursive: true });
      writeFileSync(join(source, file), text);
    }
    return checkFloors(source).map(({ file, line, why }) => `${file}:${line}: ${why}`);
  } finally {
    rmSync(source, { recursive: true });
  }
}

const house = {
  'base/bytes.ts': 'export const one = 1;',
  'sys/file.ts':
    "import { open } from 'node:fs';\nimport { one } from '../base/bytes.ts';\nexport const x = [open, one];",
  'codecs/page.ts': "import { one } from '../base/bytes.ts';\nexport const codec = one;",
  'codecs/native.ts':
    "import { x } from '../sys/file.ts';\nimport { codec } from './page.ts';\nexport const y = [x, codec];",
  'formats/elf.ts': "import type { codec } from '../codecs/page.ts';\nexport type E = typeof codec;",
  'kernel/btf.ts': "export * from '../formats/elf.ts';",
  'tools/crash/dmesg.ts': "export * from '../../kernel/btf.ts';",
  'tools/kexec/load.ts': "import '../../sys/file.ts';\nexport const load = process.pid;",
  'tools/kdumpctl/start.ts': "import '../kexec/load.ts';\nimport '../crash/dmesg.ts';",
  'tools/rehearse/run.ts': "import '../kdumpctl/start.ts';",
  'cli/main.ts': "export const run = () => import('../tools/rehearse/run.ts');",
  'viewer/page.ts': "import '../tools/crash/dmesg.ts';",
  'kernel/btf.test.ts': "import { readFileSync } from 'node:fs';\nimport '../tools/rehearse/run.ts';",
};

/** What the house complains of once these files are added or replaced. */
const checkWith = (files: Readonly<Record<string, string>>): string[] => check({ ...house, ...files });

test('a house in order has no violations', () => {
  assert.deepEqual(check(house), []);
});

test('up, beside and outside are refused, however the import is written', () => {
  const up = 'formats imports kernel/btf.ts: kernel is not below formats';
  for (const text of [
    "import { x } from '../kernel/btf.ts';",
    "import type { x } from '../kernel/btf.ts';",
    "export * from '../kernel/btf.ts';",
    "export { x } from '../kernel/btf.ts';",
    "const x = await import('../kernel/btf.ts');",
    'const x = await import(`../kernel/btf.ts`);',
    "type X = import('../kernel/btf.ts').X;",
    "new Worker(new URL('../kernel/btf.ts', import.meta.url));",
  ]) {
    assert.deepEqual(checkWith({ 'formats/up.ts': `\n${text}` }), [`formats/up.ts:2: ${up}`], text);
  }
  assert.deepEqual(checkWith({ 'cli/view.ts': "import '../viewer/page.ts';" }), [
    'cli/view.ts:1: cli imports viewer/page.ts: viewer is not below cli',
  ]);
  assert.deepEqual(checkWith({ 'cli/lab.ts': "import '../../lab/peers.ts';" }), [
    'cli/lab.ts:1: imports ../../lab/peers.ts, which is outside src/',
  ]);
  assert.deepEqual(checkWith({ 'cli/version.ts': "import '../../package.json' with { type: 'json' };" }), []);
  assert.deepEqual(checkWith({ 'shed/a.ts': '' }).length, 1);
});

test('the rooms of tools build on each other in one order only', () => {
  assert.deepEqual(checkWith({ 'tools/kexec/bad.ts': "import '../crash/dmesg.ts';" }), [
    'tools/kexec/bad.ts:1: tools/kexec imports tools/crash/dmesg.ts: it may build on no other room',
  ]);
  assert.equal(checkWith({ 'tools/kdumpctl/bad.ts': "import '../rehearse/run.ts';" }).length, 1);
  assert.equal(checkWith({ 'tools/makedumpfile/bad.ts': "import '../new/room.ts';" }).length, 1);
});

test('what runs in a browser reaches neither node: nor sys/', () => {
  assert.deepEqual(checkWith({ 'kernel/a.ts': "import type { Stats } from 'node:fs';" }), [
    'kernel/a.ts:1: runs in a browser, and imports node:fs',
  ]);
  assert.deepEqual(checkWith({ 'formats/a.ts': "import '../sys/file.ts';" }), [
    'formats/a.ts:1: runs in a browser, and imports sys/file.ts',
  ]);
  assert.deepEqual(checkWith({ 'tools/crash/a.ts': "import { y } from '../../codecs/native.ts';" }), [
    'tools/crash/a.ts:1: runs in a browser, and reaches codecs/native.ts -> sys/file.ts',
  ]);
  assert.deepEqual(checkWith({ 'codecs/wasm.ts': "import 'zlib';" }), [
    'codecs/wasm.ts:1: runs in a browser, and imports zlib',
  ]);
  assert.deepEqual(checkWith({ 'base/a.ts': "import type { y } from '../codecs/native.ts';" }).length, 1);
});

test("Node's globals count, a name of the file's own does not", () => {
  assert.deepEqual(checkWith({ 'kernel/a.ts': '\nexport const b = Buffer.alloc(1);' }), [
    'kernel/a.ts:2: runs in a browser, where there is no Buffer',
  ]);
  assert.deepEqual(
    checkWith({ 'kernel/a.ts': 'export const f = (process: { process: 1 }) => process.process;\nx.Buffer;' }),
    [],
  );
});

test('cycles are found, also over types, and said once', () => {
  const found = checkWith({
    'kernel/a.ts': "import './b.ts';",
    'kernel/b.ts': "\nimport type { C } from './c.ts';",
    'kernel/c.ts': "import './a.ts';",
  });
  assert.deepEqual(found, [
    'kernel/c.ts:1: import cycle: kernel/a.ts -> kernel/b.ts -> kernel/c.ts -> kernel/a.ts',
  ]);
});

test('program code does not import tests, nor what no check can follow', () => {
  assert.deepEqual(checkWith({ 'cli/a.ts': "import '../kernel/btf.test.ts';" }), [
    'cli/a.ts:1: imports the test kernel/btf.test.ts',
  ]);
  assert.deepEqual(checkWith({ 'cli/a.ts': 'export const f = (name: string) => import(name);' }), [
    'cli/a.ts:1: imports a computed name, which no check can follow',
  ]);
  // Modules that users write have no other names.
  assert.deepEqual(
    checkWith({ 'sys/user-module.ts': 'export const f = (name: string) => import(name);' }),
    [],
  );
});

test('comments, strings and templates are not imports; broken files are reported', () => {
  const text = `// import '../cli/main.ts'
/* export * from '../cli/main.ts' */
export const a = "import '../cli/main.ts'", b = \`\${1} import('../cli/main.ts')\`;`;
  assert.deepEqual(factsOf('a.ts', text).imports, []);
  assert.match(checkWith({ 'base/broken.ts': 'const = ;' })[0] ?? '', /^base\/broken.ts:1: cannot be parsed/);
});
