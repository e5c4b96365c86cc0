import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { executeLoaded, type Machine, takeNetworkDown, userProcesses } from './execute.ts';

/** Writes down what is done to it. Its reboot fails: there is nothing to reboot into. */
function recorder(more: Partial<Machine> = {}): { machine: Machine; done: string[] } {
  const done: string[] = [];
  const note = (what: string) => () => void done.push(what);
  const later = (what: string) => async () => void done.push(what);
  const machine: Machine = {
    isLoaded: () => true,
    systemctl: () => undefined,
    askSystemd: later('systemd'),
    endProcesses: later('processes'),
    sync: note('sync'),
    unmount: later('unmount'),
    networkDown: note('network'),
    reboot: () => {
      done.push('reboot');
      return { number: 1, name: 'EPERM' };
    },
    ...more,
  };
  return { machine, done };
}

const clean = { shutdown: 'clean', sync: true, networkDown: true } as const;

test('a clean shutdown ends processes, writes out, unmounts, takes the network down, and only then jumps', async () => {
  const { machine, done } = recorder();
  await assert.rejects(executeLoaded(clean, machine), { code: 'E_SYSCALL', hint: 'run as root' });
  assert.deepEqual(done, ['processes', 'sync', 'unmount', 'network', 'reboot']);
});

test('where systemd runs, it shuts the machine down', async () => {
  const { machine, done } = recorder({ systemctl: () => '/bin/systemctl' });
  await executeLoaded(clean, machine);
  assert.deepEqual(done, ['systemd']);
});

test('--force does only what cannot hang, -y and -x not even that', async () => {
  const force = recorder({ systemctl: () => '/bin/systemctl' });
  await assert.rejects(executeLoaded({ ...clean, shutdown: 'none' }, force.machine));
  assert.deepEqual(force.done, ['sync', 'network', 'reboot']);
  const bare = recorder();
  await assert.rejects(executeLoaded({ shutdown: 'none', sync: false, networkDown: false }, bare.machine));
  assert.deepEqual(bare.done, ['reboot']);
});

test('with no kernel loaded nothing at all is done', async () => {
  const { machine, done } = recorder({ isLoaded: () => false });
  await assert.rejects(executeLoaded(clean, machine), { code: 'E_NEEDS' });
  assert.deepEqual(done, []);
});

test('interfaces that are up go down; processes are those with a command line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-execute-'));
  try {
    for (const [name, flags] of Object.entries({ eth0: '0x1003', eth1: '0x1002' })) {
      mkdirSync(join(folder, 'net', name), { recursive: true });
      writeFileSync(join(folder, 'net', name, 'flags'), `${flags}\n`);
    }
    takeNetworkDown(join(folder, 'net'));
    assert.equal(readFileSync(join(folder, 'net/eth0/flags'), 'utf8'), '0x1002');
    assert.equal(readFileSync(join(folder, 'net/eth1/flags'), 'utf8'), '0x1002\n');
    takeNetworkDown(join(folder, 'no-such'));

    for (const [pid, commandLine] of Object.entries({ 1: 'init', 77: '', 4000000: 'sh\0', self: 'x' })) {
      mkdirSync(join(folder, 'proc', pid), { recursive: true });
      writeFileSync(join(folder, 'proc', pid, 'cmdline'), commandLine);
    }
    assert.deepEqual(userProcesses(join(folder, 'proc')), [4000000]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
