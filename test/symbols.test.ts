/** The commands sym, struct, rd, vtop and list on the rehearsed dump: what they print beside what the crashed kernel itself logged, and beside each other. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { report, savedDump, savedLog } from './rehearsal.ts';

const program = join(fileURLToPath(new URL('..', import.meta.url)), 'bin/vmcore');
const run = (command: string, ...args: readonly string[]): string =>
  execFileSync(program, [command, savedDump(), ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 26,
  });
const json = (command: string, ...args: readonly string[]): unknown =>
  JSON.parse(run(command, ...args, '--json'));

interface Found {
  readonly name: string;
  readonly address: string;
  readonly size: number | null;
  readonly module: string | null;
}

describe('the commands for symbols and memory', () => {
  it('sym: finds a function by its name, and by every address that the log gives of it', () => {
    const [, name, offset, size] = /\] {2}(vfs_write|ksys_write)\+0x([0-9a-f]+)\/0x([0-9a-f]+)$/m.exec(
      savedLog(),
    )!;
    const [found] = json('sym', name!) as Found[];
    assert.equal(found?.size, Number(`0x${size}`));
    const inside = `0x${(BigInt(found.address) + BigInt(`0x${offset}`)).toString(16)}`;
    assert.match(run('sym', inside), new RegExp(`${name}\\+0x${offset}\\n$`));
    const all = run('sym', '-l').split('\n');
    assert.ok(all.length > 50_000 && all.some((line) => line.endsWith(' [ext4]')), `${all.length} lines`);
  });

  it('sym: what is not known is told, and everything else is printed', () => {
    assert.throws(
      () => run('sym', 'no_such_symbol', 'schedule'),
      (error: { status: number; stdout: string; stderr: string }) =>
        error.status === 2 && /schedule\n$/.test(error.stdout) && /no_such_symbol/.test(error.stderr),
    );
  });

  it('struct: shows the name of the kernel, of a variable that it knows the type of', () => {
    const text = run('struct', 'init_uts_ns.name.release');
    assert.ok(text.includes(`name.release = "${report().kernel.release}"`), text);
    assert.match(run('struct', 'task_struct.comm', 'init_task'), /comm = "swapper\/0"/);
  });

  it('struct: finds a type of a module', () => {
    const { module, size } = json('struct', 'ext4_sb_info') as { module: string; size: number };
    assert.equal(module, 'ext4');
    assert.ok(size > 1000);
  });

  it('rd: shows what the kernel logged first', () => {
    const banner = run('rd', '-a', 'linux_banner', '32');
    assert.match(banner, /Linux version/);
    const { values } = json('rd', 'linux_banner', '2') as { values: string[] };
    assert.deepEqual(values.map(BigInt), [0x6576_2078_756e_694cn, BigInt(values[1]!)]);
  });

  it('rd and vtop: the same bytes by both addresses', () => {
    const { physical, page } = json('vtop', 'linux_banner') as { physical: string; page: string };
    assert.equal(page, 'present');
    assert.deepEqual(
      (json('rd', '-p', physical, '4') as { values: string[] }).values,
      (json('rd', 'linux_banner', '4') as { values: string[] }).values,
    );
  });

  it('list: has the modules that mod has', () => {
    const { elements } = json('list', '-H', 'modules', '-o', 'module.list', '-s', 'module.name') as {
      elements: { value: { name: string } }[];
    };
    const modules = json('mod') as { name: string }[];
    assert.deepEqual(
      elements.map(({ value }) => value.name),
      modules.map(({ name }) => name),
    );
    assert.ok(modules.length > 3);
  });
});
