import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { changeGrubDefaults, type FileChange, ownDefaults } from './grub-defaults.ts';

const path = '/etc/default/grub';
const value = '2G-64G:256M,64G-:512M';
const change = (text: string, others: readonly { path: string; text: string }[] = []) =>
  changeGrubDefaults([{ path, text }, ...others], value);

describe("crashkernel= in GRUB's defaults", () => {
  it('goes into a file of its own when nobody has said anything', () => {
    const [made, ...rest] = change('GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n# crashkernel=1M\n');
    assert.deepEqual([made?.path, made?.before, rest], [ownDefaults, undefined, []]);
    // What a shell makes of both files, in GRUB's order.
    const script = `GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n${made?.after}printf %s "$GRUB_CMDLINE_LINUX_DEFAULT"`;
    assert.equal(execFileSync('sh', ['-c', script], { encoding: 'utf8' }), `quiet crashkernel=${value}`);
  });

  it('is changed where it is, and everything else stays', () => {
    const before =
      '# defaults\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="a=1 crashkernel=128M  b"\nGRUB_CMDLINE_LINUX_DEFAULT=\'crashkernel=64M@16M\'\n';
    const changes = change(before);
    const expected: FileChange = {
      path,
      before,
      after: `# defaults\nGRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="a=1 crashkernel=${value}  b"\nGRUB_CMDLINE_LINUX_DEFAULT='crashkernel=${value}'\n`,
    };
    assert.deepEqual(changes, [expected]);
    assert.deepEqual(change(expected.after), [], 'nothing is left to change');
  });

  it("is changed in kdump-tools's file too, and is there once", () => {
    const tools = '/etc/default/grub.d/kdump-tools.cfg';
    const text =
      'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=384M-:128M crashkernel=1M,low"\n';
    assert.deepEqual(change('', [{ path: tools, text }]), [
      {
        path: tools,
        before: text,
        after: `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=${value}"\n`,
      },
    ]);
  });

  it('is left alone where it cannot be understood', () => {
    for (const line of [
      'GRUB_CMDLINE_LINUX="a=\\"x y\\" crashkernel=1M"',
      'GRUB_CMDLINE_LINUX=crashkernel=1M',
      'GRUB_CMDLINE_LINUX="$(cat /x) crashkernel=1M"',
      'GRUB_CMDLINE_LINUX="crashkernel=1M" # mine',
      'export GRUB_CMDLINE_LINUX="crashkernel=1M"',
      'MY_LINE="crashkernel=1M"',
    ]) {
      assert.throws(() => change(`\n${line}\n`), { code: 'E_UNSUPPORTED', file: `${path}:2` }, line);
    }
  });
});
