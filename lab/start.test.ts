/** bin/vmcore and lab/setup.sh, run as they are in a checkout made of nothing but fakes: node, npm, main.ts. */
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const here = dirname(import.meta.dirname);

/** A checkout in a folder of its own. */
class Checkout {
  readonly root = mkdtempSync(join(tmpdir(), 'vmcore-checkout-'));
  /** Programs of "the machine", besides the usual ones. */
  readonly machine = join(this.root, 'machine');

  constructor() {
    for (const file of ['bin/vmcore', 'lab/setup.sh']) {
      mkdirSync(dirname(join(this.root, file)), { recursive: true });
      copyFileSync(join(here, file), join(this.root, file));
    }
    writeFileSync(join(this.root, 'lab/packages.sh'), '');
    mkdirSync(join(this.root, 'src/cli'), { recursive: true });
    writeFileSync(join(this.root, 'src/cli/main.ts'), '');
    writeFileSync(join(this.root, 'package-lock.json'), 'first');
  }

  program(path: string, body: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
  }

  run(program: string, args: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> {
    return spawnSync(program, args, {
      cwd: this.root,
      env: { PATH: `${this.machine}:/usr/bin:/bin`, ...env },
      encoding: 'utf8',
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}

const showArguments = 'for a; do echo "$a"; done; echo "cache=$NODE_COMPILE_CACHE"';

test('bin/vmcore starts main.ts on the Node of the checkout, also through links and from elsewhere', () => {
  using checkout = new Checkout();
  const { root } = checkout;
  checkout.program('node_modules/.bin/node', showArguments);
  for (const name of ['makedumpfile', 'vmcore-dmesg']) symlinkSync('vmcore', join(root, 'bin', name));
  symlinkSync(join(root, 'bin/makedumpfile'), join(root, 'far-link'));
  mkdirSync(join(root, 'links'));
  symlinkSync(join(root, 'bin/vmcore'), join(root, 'links/kdumpctl'));

  const main = (program: string): string[] => {
    const { status, stdout } = checkout.run(program, ['-d', '31', 'a b']);
    assert.equal(status, 0);
    const [flag, script, ...rest] = stdout.trimEnd().split('\n');
    assert.equal(flag, '--disable-warning=ExperimentalWarning');
    assert.equal(join(script!), join(root, 'src/cli/main.ts'));
    assert.equal(join(rest.pop()!.slice('cache='.length)), join(root, 'node_modules/.cache/vmcore'));
    return rest;
  };
  assert.deepEqual(main('bin/vmcore'), ['-d', '31', 'a b']);
  assert.deepEqual(main(join(root, 'bin/makedumpfile')), ['makedumpfile', '--drop-in', '-d', '31', 'a b']);
  assert.deepEqual(main('bin/vmcore-dmesg'), ['dmesg', '-d', '31', 'a b']);
  assert.deepEqual(main('links/kdumpctl'), ['kdumpctl', '-d', '31', 'a b']);
  assert.deepEqual(main('./far-link'), ['-d', '31', 'a b']);
});

test("bin/vmcore takes the machine's Node when it is 26 or later, and else says what to do", () => {
  using checkout = new Checkout();
  checkout.program('machine/node', `case $1 in --version) echo v20.1.0 ;; *) ${showArguments} ;; esac`);
  const old = checkout.run('bin/vmcore', ['info']);
  assert.equal(old.status, 6);
  assert.equal(
    old.stderr,
    `vmcore: needs Node 26, found v20.1.0; run npm ci in ${checkout.root} [E_NEEDS]\n`,
  );
  checkout.program('machine/node', `case $1 in --version) echo v26.0.0 ;; *) ${showArguments} ;; esac`);
  assert.match(checkout.run('bin/vmcore', ['info']).stdout, /main\.ts\ninfo\n/);
});

const fakeNpm = `echo "$*" >>npm-calls
mkdir -p node_modules/.bin
printf '#!/bin/sh\\necho v26.1.0\\n' >node_modules/.bin/node
chmod +x node_modules/.bin/node`;

test('setup.sh runs npm ci once, and again when the lockfile changes', () => {
  using checkout = new Checkout();
  checkout.program('machine/npm', fakeNpm);
  const calls = join(checkout.root, 'npm-calls');
  const callCount = (): number => readFileSync(calls, 'utf8').trim().split('\n').length;

  const first = checkout.run('/bin/sh', ['lab/setup.sh', 'node']);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stderr, /running npm ci \(node_modules is missing\)/);
  assert.match(readFileSync(calls, 'utf8'), /^ci /);

  const second = checkout.run('/bin/sh', ['lab/setup.sh', 'node']);
  assert.deepEqual([second.status, second.stdout, second.stderr, callCount()], [0, '', '', 1]);

  writeFileSync(join(checkout.root, 'package-lock.json'), 'second');
  assert.match(checkout.run('/bin/sh', ['lab/setup.sh', 'node']).stderr, /is not what/);
  assert.equal(callCount(), 2);
});

test('setup.sh uses the npm that started it, not one on PATH', () => {
  using checkout = new Checkout();
  checkout.program('machine/npm', 'exit 9');
  checkout.program('own/npm-cli.js', fakeNpm);
  const result = checkout.run('/bin/sh', ['lab/setup.sh', 'node'], {
    npm_node_execpath: '/bin/sh',
    npm_execpath: join(checkout.root, 'own/npm-cli.js'),
  });
  assert.equal(result.status, 0, result.stderr);
});

test('setup.sh fails when npm ci fails, or brought no Node 26, and keeps no stamp of a failure', () => {
  using checkout = new Checkout();
  checkout.program('machine/npm', 'mkdir -p node_modules; echo broken >&2; exit 1');
  const failed = checkout.run('/bin/sh', ['lab/setup.sh', 'node']);
  assert.equal(failed.status, 6);
  assert.match(failed.stderr, /broken\nvmcore: npm ci failed/);
  assert.equal(existsSync(join(checkout.root, 'node_modules/.vmcore-lock')), false);

  checkout.program('machine/npm', 'mkdir -p node_modules');
  checkout.program('machine/node', 'echo v20.1.0');
  const old = checkout.run('/bin/sh', ['lab/setup.sh', 'node']);
  assert.equal(old.status, 6);
  assert.match(old.stderr, /needs Node 26, found v20\.1\.0; remove node_modules and run npm ci/);
});
