import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../../test/support/expect-error.ts';
import { type Recording, recordedMachine } from '../../../../../test/support/recorded-machine.ts';
import { networksTo } from './networks.ts';

/** A machine with a card to the storage network, and one to its cluster. */
const cardSays = (name: string, mac: string, address: string): Record<string, string> => ({
  [`ip -json address show dev ${name}`]: JSON.stringify([
    {
      ifname: name,
      mtu: 1500,
      addr_info: [{ family: 'inet', local: address, prefixlen: 24, scope: 'global' }],
    },
  ]),
  [`ip -json -details link show dev ${name}`]: JSON.stringify([{ ifname: name, address: mac }]),
  [`ip -json -4 route show dev ${name}`]: '[]',
  [`ip -json -6 route show dev ${name}`]: '[]',
});
const recording: Recording = {
  cards: { eth0: 'pci0/virtio1/net/eth0', eth1: 'pci0/virtio2/net/eth1' },
  files: { 'etc/resolv.conf': 'nameserver 10.0.0.53\n' },
  says: {
    ...cardSays('eth0', '52:54:00:00:00:01', '10.0.0.5'),
    ...cardSays('eth1', '52:54:00:00:00:02', '10.1.0.5'),
    'ip -json route get 10.0.0.9': '[{"dev":"eth0"}]',
    'ip -json route get 10.1.0.7': '[{"dev":"eth1"}]',
    'ip -json route get 10.1.0.8': '[{"dev":"eth1"}]',
    'getent ahosts node2': '10.1.0.7 STREAM node2\n',
  },
};

test('the way to the server comes first, and each card once', async (context) => {
  const machine = recordedMachine(context, recording);
  const { plan, devices, warnings } = await networksTo(machine, '10.0.0.9', ['node2', '10.1.0.8']);
  assert.deepEqual(
    plan?.cards.map(({ name }) => name),
    ['eth0', 'eth1'],
  );
  assert.deepEqual(plan?.hosts, [{ name: 'node2', address: '10.1.0.7' }]);
  assert.deepEqual(plan?.nameServers, ['10.0.0.53']);
  assert.deepEqual(
    devices.map((path) => path.replace(/.*\//, '')),
    ['virtio1', 'virtio2'],
  );
  assert.deepEqual(warnings, []);
});

test('a local target needs no network, but for the cluster', async (context) => {
  const machine = recordedMachine(context, recording);
  assert.deepEqual(await networksTo(machine, undefined, []), { plan: undefined, devices: [], warnings: [] });
  const { plan } = await networksTo(machine, undefined, ['node2']);
  assert.deepEqual(
    plan?.cards.map(({ name }) => name),
    ['eth1'],
  );
});

test('a node that cannot be reached is a warning, a server that cannot an error', async (context) => {
  const machine = recordedMachine(context, recording);
  const { plan, warnings } = await networksTo(machine, undefined, ['gone', '10.1.0.8']);
  assert.equal(plan?.cards.length, 1);
  assert.match(
    warnings.join(),
    /^fence_kdump_nodes: gone will not hear of a save: gone: its name cannot be resolved/,
  );
  await assert.rejects(networksTo(machine, 'gone', []), failsWith('E_FILE'));
});
