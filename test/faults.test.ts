/**
 * What goes wrong when a dump is saved, each a real machine that panicked: what is on the disk afterwards, that the configured action was taken, and that
 * one line on the serial console says why. docs/save.md has the same table for people.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type PanicAndSave, type PanickedAndSaved, panicAndSave } from '../lab/boots/panic-and-save.ts';
import { sshCapture } from '../lab/boots/ssh-capture.ts';
import { findProgram, requireProgram, runChecked } from '../src/sys/programs.ts';
import type { CpioEntry } from '../src/tools/kdumpctl/image/cpio.ts';
import { mksquashfs, type ProgramImage } from '../src/tools/kdumpctl/image/squashfs.ts';
import type { JournalFields } from '../src/tools/kdumpctl/journal.ts';
import type { GuestDisk } from '../src/tools/rehearse/devices.ts';
import { type DiskEntry, listFolder, makeDisk, takeFile } from '../src/tools/rehearse/disk.ts';
import { makeKey, publicKey, sshdProgram, startSshd } from '../src/tools/rehearse/servers/sshd.ts';
import { vmcore } from './command.ts';

const crash = '/var/crash';
const folders: string[] = [];
function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-test-fault-'));
  folders.push(folder);
  return folder;
}

const confOf = (...lines: readonly string[]): string => [...lines, ''].join('\n');

const script = (path: string, ...lines: readonly string[]): CpioEntry => ({
  kind: 'file',
  path: path.slice(1),
  mode: 0o755,
  data: Buffer.from(['#!/bin/sh', ...lines, ''].join('\n')),
});

/** Does nothing until the dump is half written, and keeps nobody waiting. */
const inTheMiddle = (...lines: readonly string[]): readonly string[] => [
  '(',
  '  until dmesg | grep -q "filter-progress.*Copying data"; do sleep 0.1; done',
  ...lines,
  ') &',
];

/** Emulated processors that wait for their turn may miss the timer that a kernel tries out when it starts. */
const quietTimer = 'no_timer_check';

async function run(request: PanicAndSave): Promise<PanickedAndSaved> {
  const result = await panicAndSave({
    memory: 768 << 20,
    ...request,
    parameters: [quietTimer],
    captureParameters: [quietTimer, ...(request.captureParameters ?? [])],
  });
  assert.notEqual(result.captureConsole, '', `no capture kernel: ${result.console.slice(-2000)}`);
  return result;
}

const fieldsOf = ({ events }: PanickedAndSaved, name: string): JournalFields[] =>
  events.flatMap((event) => (event.name === name ? [event.fields] : []));

/** The one line that says why. */
function assertWhy(result: PanickedAndSaved, event: string, why: RegExp): void {
  const lines = result.captureConsole.split('\n').filter((line) => line.includes(`vmcore: ${event} {`));
  assert.equal(lines.length, 1, `${event}: ${result.captureConsole}`);
  assert.match(lines[0]!, why);
}

const consoleEnds = {
  reboot: 'reboot: Restarting system',
  poweroff: 'reboot: Power down',
  halt: 'reboot: System halted',
} as const;

/** The action that stage 0 announced, and that the kernel's last words are of it. */
function assertLeft(
  result: PanickedAndSaved,
  actions: { readonly failure?: string; readonly final: keyof typeof consoleEnds },
): void {
  const { failure, final } = actions;
  const announced = fieldsOf(result, 'failure-action').map(({ action }) => action);
  assert.deepEqual(announced, failure === undefined ? [] : [failure], result.captureConsole);
  assert.deepEqual(
    fieldsOf(result, 'final-action').map(({ action }) => action),
    [final],
  );
  assert.match(result.captureConsole.trimEnd().split('\n').at(-1) ?? '', new RegExp(consoleEnds[final]));
  assert.ok(['powered-off', 'stopped'].includes(result.end), result.end);
}

/** The folders of dumps on a disk, in their order, with what is in each. */
async function dumpsOn(disk: string): Promise<{ folder: string; entries: DiskEntry[] }[]> {
  const names = (await listFolder(disk, crash)).map(({ name }) => name).sort();
  return Promise.all(
    names.map(async (name) => {
      const folder = `${crash}/${name}`;
      return { folder, entries: await listFolder(disk, folder) };
    }),
  );
}

const namesOf = (entries: readonly DiskEntry[]): string[] => entries.map(({ name }) => name).toSorted();

/** What `vmcore info` says of a file on a disk. */
async function infoOf(disk: string, folder: string, entry: DiskEntry): Promise<Record<string, unknown>> {
  const file = join(newFolder(), entry.name);
  await takeFile(disk, `${folder}/${entry.name}`, entry.size ?? 0, file);
  const { status, stdout, stderr } = vmcore('info', '--json', file);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.toString());
}

async function assertWholeDump(
  disk: string,
  folder: string,
  entries: readonly DiskEntry[],
  name: string,
): Promise<void> {
  const entry = entries.find((one) => one.name === name);
  assert.ok(entry, `${name} is not in ${folder}: ${namesOf(entries)}`);
  const info = await infoOf(disk, folder, entry);
  assert.equal(info.incomplete, false);
  assert.equal(info.panic, 'Kernel panic - not syncing: sysrq triggered crash');
}

const disk = (file: string, access: GuestDisk['access'] = 'read-write'): GuestDisk => ({
  file,
  bus: 'virtio',
  access,
});

async function ext4Disk(folder: string, megabytes: number): Promise<string> {
  const image = join(folder, 'target.img');
  const nothing = join(folder, 'nothing');
  mkdirSync(nothing);
  await makeDisk(image, megabytes << 20, nothing);
  return image;
}

const whole = ['kexec-dmesg.log', 'vmcore', 'vmcore-dmesg.txt'];

describe('a save that fails', { concurrency: 2, timeout: 1_500_000 }, () => {
  after(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it('target missing: the devices that there are are named, kdump_post and kdump_emergency run, failure_action poweroff', async () => {
    const result = await run({
      folder: newFolder(),
      kdumpConf: confOf(
        'ext4 UUID=01234567-89ab-cdef-0123-456789abcdef',
        'kdump_post /hooks/post',
        'kdump_emergency /hooks/emergency',
        'failure_action poweroff',
        'final_action reboot',
      ),
      files: [
        script('/hooks/post', 'echo "the save ended with $1"'),
        script('/hooks/emergency', 'echo help'),
        script('/etc/kdump/post.d/10-first', 'echo first'),
      ],
      captureParameters: ['vmcore.save=--target-timeout=5'],
    });
    assertWhy(result, 'save-failed', /UUID=01234567-.*no such device after 5 s; there are: vda.*\[E_FILE\]/);
    assert.deepEqual(
      fieldsOf(result, 'hook-output').map(({ hook, message }) => [hook, message]),
      [
        ['post.d', 'first'],
        ['kdump_post', 'the save ended with 1'],
      ],
    );
    const [emergency] = fieldsOf(result, 'hook-done').filter(({ hook }) => hook === 'kdump_emergency');
    assert.deepEqual([emergency?.status, String(emergency?.message).trim()], [0, 'help']);
    assertLeft(result, { failure: 'poweroff', final: 'poweroff' });
    assert.deepEqual(await dumpsOn(result.disk), []);
  });

  it('target full: told before, tried smaller, kept as far as it fits; failure_action dump_to_rootfs saves it elsewhere', async () => {
    const folder = newFolder();
    const full = await ext4Disk(folder, 12);
    const rootfs = confOf('ext4 /dev/vda', `path ${crash}`);
    const result = await run({
      folder,
      kdumpConf: confOf(
        'ext4 /dev/vdb',
        `path ${crash}`,
        'core_collector makedumpfile -l -d 17',
        'failure_action dump_to_rootfs',
        'final_action poweroff',
      ),
      disks: [disk(full)],
      files: [{ kind: 'file', path: 'etc/kdump-rootfs.conf', mode: 0o600, data: Buffer.from(rootfs) }],
    });
    assert.match(String(fieldsOf(result, 'dump-size')[0]?.message), /fits only if/);
    assertWhy(result, 'dump-again', /"next":"dump level 31"/);
    assertWhy(result, 'save-failed', /no space left.*\[E_NO_SPACE\]/);
    assertLeft(result, { failure: 'dump_to_rootfs', final: 'poweroff' });
    const [partly] = await dumpsOn(full);
    assert.ok(partly);
    assert.ok(namesOf(partly.entries).includes('vmcore-dmesg.txt'));
    const incomplete = partly.entries.find(({ name }) => name === 'vmcore-incomplete');
    assert.ok(incomplete?.size !== undefined && incomplete.size > 1 << 20, namesOf(partly.entries).join());
    assert.equal((await infoOf(full, partly.folder, incomplete)).incomplete, true);
    const [saved] = await dumpsOn(result.disk);
    assert.ok(saved);
    assert.deepEqual(namesOf(saved.entries), whole);
    await assertWholeDump(result.disk, saved.folder, saved.entries, 'vmcore');
  });

  it('target read-only: failure_action halt', async () => {
    const folder = newFolder();
    const target = await ext4Disk(folder, 64);
    const result = await run({
      folder,
      kdumpConf: confOf('ext4 /dev/vdb', `path ${crash}`, 'failure_action halt', 'final_action reboot'),
      disks: [disk(target, 'read-only')],
      onLine: (line) => (line.includes(consoleEnds.halt) ? 'stop' : undefined),
    });
    assertWhy(result, 'save-failed', /ext4 \/dev\/vdb: .*the file system is read-only.*\[E_FILE\]/);
    assertLeft(result, { failure: 'halt', final: 'halt' });
    assert.deepEqual(await dumpsOn(target), []);
  });

  it('ssh refused: failure_action reboot', {
    skip: findProgram(sshdProgram.name) === undefined,
  }, async () => {
    const folder = newFolder();
    const identity = join(folder, 'client_key');
    await makeKey(identity);
    const result = await run({
      ...(await sshCapture({
        folder,
        user: 'root',
        port: undefined,
        hostKey: publicKey(identity),
        identity,
        path: join(folder, 'crash'),
        conf: ['failure_action reboot', 'final_action poweroff'],
      })),
      captureParameters: ['vmcore.save=--target-timeout=5'],
    });
    assertWhy(
      result,
      'save-failed',
      /root@crash\.test: the server refuses the connection .*Connection refused/,
    );
    assertLeft(result, { failure: 'reboot', final: 'reboot' });
    assert.equal(statSync(join(folder, 'crash'), { throwIfNoEntry: false }), undefined);
  });

  it('ssh host key changed: nothing is sent, failure_action poweroff', {
    skip: findProgram(sshdProgram.name) === undefined,
  }, async () => {
    const folder = newFolder();
    const server = await startSshd({ folder });
    try {
      const other = join(folder, 'other_key');
      await makeKey(other);
      const path = join(folder, 'crash');
      const { user, port, identity } = server;
      const result = await run(
        await sshCapture({
          folder,
          user,
          port,
          identity,
          hostKey: publicKey(other),
          path,
          conf: ['failure_action poweroff', 'final_action reboot'],
        }),
      );
      assertWhy(result, 'save-failed', /host key/i);
      assertLeft(result, { failure: 'poweroff', final: 'poweroff' });
      assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
    } finally {
      await server.stop();
    }
  });

  it('filter out of memory in the middle: once more with the least memory, and then it is saved', async () => {
    const result = await run({
      folder: newFolder(),
      kdumpConf: confOf(
        'ext4 /dev/vda',
        `path ${crash}`,
        'core_collector makedumpfile -l -d 1',
        'kdump_pre /hooks/pre',
        'failure_action halt',
        'final_action poweroff',
      ),
      files: [
        script(
          '/hooks/pre',
          // It cannot be killed itself, and takes all there is as long as node lives.
          'echo -1000 >/proc/self/oom_score_adj',
          'mount -t tmpfs -o size=100% tmpfs /run',
          ...inTheMiddle(
            '  at=0',
            '  while pidof node >/dev/null; do',
            '    dd if=/dev/zero of=/run/hog bs=2M count=1 seek=$at conv=notrunc 2>/dev/null',
            '    at=$((at + 1))',
            '  done',
            '  rm /run/hog',
          ),
        ),
      ],
    });
    assert.match(result.captureConsole, /Out of memory: Killed process \d+ \(node/);
    assert.match(String(fieldsOf(result, 'save-exit')[0]?.message), /^out of memory/);
    assertWhy(result, 'save-again', /died with status 137: once more, with the least memory/);
    assertLeft(result, { final: 'poweroff' });
    const [first, second] = await dumpsOn(result.disk);
    assert.ok(first && second);
    assert.deepEqual(namesOf(first.entries), ['vmcore-dmesg.txt', 'vmcore-incomplete']);
    assert.deepEqual(namesOf(second.entries), whole);
    await assertWholeDump(result.disk, second.folder, second.entries, 'vmcore');
  });

  it('filter stuck: ended when it shows no sign of life, failure_action reboot; what it wrote stays', async () => {
    const result = await run({
      folder: newFolder(),
      kdumpConf: confOf(
        'ext4 /dev/vda',
        `path ${crash}`,
        'kdump_pre /hooks/pre',
        'failure_action reboot',
        'final_action poweroff',
      ),
      files: [script('/hooks/pre', ...inTheMiddle('  kill -STOP $(pidof node)'))],
      captureParameters: ['vmcore.stall-timeout=10'],
      modules: ['softdog'],
    });
    assertWhy(result, 'ended', /"message":"no sign of life for 1\d s"/);
    assert.deepEqual(
      fieldsOf(result, 'watchdog').map(({ device }) => device),
      ['/dev/watchdog0'],
    );
    assertLeft(result, { failure: 'reboot', final: 'reboot' });
    const [partly] = await dumpsOn(result.disk);
    assert.ok(partly);
    assert.deepEqual(namesOf(partly.entries), ['vmcore-dmesg.txt', 'vmcore-incomplete']);
  });

  it('node does not start: all of the memory is copied without it, failure_action shell asks a person', async () => {
    const folder = newFolder();
    const result = await run({
      folder,
      kdumpConf: confOf('ext4 /dev/vda', `path ${crash}`, 'failure_action shell', 'final_action reboot'),
      program: await damagedProgram(folder),
      onLine: (line) => (line.includes('goes on with the final action') ? 'stop' : undefined),
    });
    assertWhy(result, 'save-exit', /"status":127,"message":"it cannot be started: /);
    assertWhy(result, 'copy-start', /our program does not run: copying all memory, unfiltered/);
    assert.deepEqual(
      fieldsOf(result, 'failure-action').map(({ action }) => action),
      ['shell'],
    );
    assert.match(result.captureConsole, /This is a shell in the capture kernel/);
    const [copied] = await dumpsOn(result.disk);
    assert.ok(copied);
    assert.deepEqual(namesOf(copied.entries), ['kexec-dmesg.log', 'vmcore.elf']);
    await assertWholeDump(result.disk, copied.folder, copied.entries, 'vmcore.elf');
  });

  it('kdump_pre ends with 1: no dump, final_action', async () => {
    const result = await run({
      folder: newFolder(),
      kdumpConf: confOf(
        'ext4 /dev/vda',
        `path ${crash}`,
        'kdump_pre /hooks/pre',
        'failure_action halt',
        'final_action reboot',
      ),
      files: [script('/hooks/pre', 'echo not today', 'exit 1')],
    });
    assertWhy(result, 'dump-forbidden', /kdump_pre \(\/hooks\/pre\) ended with status 1: no dump is saved/);
    assert.deepEqual(fieldsOf(result, 'save-exit'), [{ status: 0 }]);
    assertLeft(result, { final: 'reboot' });
    assert.deepEqual(await dumpsOn(result.disk), []);
  });
});

/** Its node is no program. */
async function damagedProgram(folder: string): Promise<ProgramImage> {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  writeFileSync(join(tree, 'bin/node'), '\x7fELF and no more', { mode: 0o755 });
  const path = join(folder, 'damaged.squashfs');
  await runChecked(requireProgram(mksquashfs), [tree, path, '-noappend', '-quiet', '-no-progress']);
  return { path, size: statSync(path).size, loader: '/lib64/ld-linux-x86-64.so.2' };
}
