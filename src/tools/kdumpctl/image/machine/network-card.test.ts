import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failsWith } from '../../../../../test/support/expect-error.ts';
import { type Recording, recordedMachine } from '../../../../../test/support/recorded-machine.ts';
import { networkPlanText, parseNetworkPlan } from '../../targets/network-plan.ts';
import { networkTo } from './network-card.ts';

const card = 'pci0000:00/0000:00:03.0/virtio1/net/eth0';
const link = {
  ifname: 'eth0',
  mtu: 1400,
  link_type: 'ether',
  address: '02:FC:00:00:00:01',
};
/** As ip of iproute2 6.1 says it. */
const says = (address: object, more: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  'ip -json route get 192.0.2.9':
    '[{"dst":"192.0.2.9","gateway":"10.0.0.1","dev":"eth0","prefsrc":"10.0.0.5","flags":[],"uid":0}]',
  'ip -json address show dev eth0': JSON.stringify([{ ...link, addr_info: [address, linkLocal] }]),
  'ip -json -details link show dev eth0': JSON.stringify([link]),
  'ip -json -4 route show dev eth0': JSON.stringify([
    { dst: 'default', gateway: '10.0.0.1', flags: [] },
    { dst: '10.0.0.0/24', protocol: 'kernel', scope: 'link', prefsrc: '10.0.0.5', flags: [] },
    { dst: '10.9.0.1', scope: 'link', flags: [] },
  ]),
  'ip -json -6 route show dev eth0': JSON.stringify([
    { dst: 'fe80::/64', protocol: 'kernel', metric: 256, flags: [] },
    { dst: 'default', gateway: 'fe80::1', metric: 1024, flags: [] },
  ]),
  ...more,
});
const linkLocal = { family: 'inet6', local: 'fe80::fc:ff:fe00:1', prefixlen: 64, scope: 'link' };
const fixed = { family: 'inet', local: '10.0.0.5', prefixlen: 24, scope: 'global' };
const wired = (spoken: Readonly<Record<string, string>>): Recording => ({
  cards: { eth0: card },
  files: { 'etc/resolv.conf': '# made\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nsearch example\n' },
  says: spoken,
});

test('a card with a fixed address is set up as it is', async (context) => {
  const machine = recordedMachine(context, wired(says(fixed)));
  const { plan, device } = await networkTo(machine, '192.0.2.9');
  assert.deepEqual(plan, {
    cards: [
      {
        mac: '02:fc:00:00:00:01',
        name: 'eth0',
        configured: 'static',
        addresses: ['10.0.0.5/24'],
        routes: [
          { to: '10.9.0.1/32', family: 4 },
          { to: 'default', via: '10.0.0.1', family: 4 },
          { to: 'default', via: 'fe80::1', family: 6 },
        ],
        mtu: 1400,
      },
    ],
    hosts: [],
    nameServers: ['10.0.0.53'],
  });
  assert.match(device, /0000:00:03\.0\/virtio1$/);
  assert.deepEqual(parseNetworkPlan(networkPlanText(plan), 'x'), plan);
});

test('a leased address is asked for again, and a name keeps its addresses', async (context) => {
  const machine = recordedMachine(
    context,
    wired(
      says(
        { ...fixed, dynamic: true, valid_life_time: 3600 },
        {
          // Nothing here routes IPv6.
          'getent ahosts dumps.example':
            '2001:db8::9 STREAM dumps.example\n2001:db8::9 DGRAM\n192.0.2.9 STREAM\n',
        },
      ),
    ),
  );
  const { plan } = await networkTo(machine, 'dumps.example');
  assert.equal(plan.cards[0]?.configured, 'dhcp');
  assert.deepEqual(plan.hosts, [
    { name: 'dumps.example', address: '2001:db8::9' },
    { name: 'dumps.example', address: '192.0.2.9' },
  ]);
});

test('the address that a card was made with counts, not the one that it was given', async (context) => {
  const machine = recordedMachine(
    context,
    wired(
      says(fixed, {
        'ip -json -details link show dev eth0': JSON.stringify([{ ...link, permaddr: '52:54:00:12:34:56' }]),
      }),
    ),
  );
  assert.equal((await networkTo(machine, '192.0.2.9')).plan.cards[0]?.mac, '52:54:00:12:34:56');
});

test('a bridge with one card is that card; with two it is refused', async (context) => {
  const bridged = (ports: Readonly<Record<string, string>>): Recording => ({
    cards: { br0: 'virtual/net/br0', tap0: 'virtual/net/tap0', ...ports },
    files: Object.fromEntries(
      ['tap0', ...Object.keys(ports)].map((name) => [`sys/devices/virtual/net/br0/brif/${name}/x`, '']),
    ),
    says: {
      ...says(fixed),
      'ip -json route get 192.0.2.9': '[{"dst":"192.0.2.9","dev":"br0"}]',
      'ip -json -details link show dev br0': '[{"ifname":"br0","linkinfo":{"info_kind":"bridge"}}]',
      'ip -json address show dev br0': JSON.stringify([{ ifname: 'br0', mtu: 1500, addr_info: [fixed] }]),
      'ip -json -4 route show dev br0': '[{"dst":"default","gateway":"10.0.0.1"}]',
      'ip -json -6 route show dev br0': '[]',
    },
  });
  const one = await networkTo(recordedMachine(context, bridged({ eth0: card })), '192.0.2.9');
  assert.equal(one.plan.cards[0]?.name, 'eth0');
  assert.equal(one.plan.cards[0]?.mac, '02:fc:00:00:00:01');
  assert.deepEqual(one.plan.cards[0]?.addresses, ['10.0.0.5/24']);
  await assert.rejects(
    networkTo(recordedMachine(context, bridged({ eth0: card, eth1: 'pci1/net/eth1' })), '192.0.2.9'),
    failsWith('E_UNSUPPORTED', /goes through br0, which is a link of kind bridge/),
  );
});

test('links that are not one wired card are refused by their kind', async (context) => {
  const through = (kind: string): Recording => ({
    cards: { up0: 'virtual/net/up0' },
    says: {
      'ip -json route get 192.0.2.9': '[{"dev":"up0"}]',
      'ip -json -details link show dev up0': `[{"ifname":"up0","linkinfo":{"info_kind":"${kind}"}}]`,
    },
  });
  for (const kind of ['bond', 'vlan', 'team']) {
    await assert.rejects(
      networkTo(recordedMachine(context, through(kind)), '192.0.2.9'),
      failsWith('E_UNSUPPORTED', new RegExp(`goes through up0, which is a link of kind ${kind}`)),
    );
  }
  await assert.rejects(
    networkTo(
      recordedMachine(context, {
        ...wired(says(fixed)),
        links: { [`sys/devices/${card}/phy80211`]: 'sys/devices/phy' },
      }),
      '192.0.2.9',
    ),
    failsWith('E_UNSUPPORTED', /a wireless card/),
  );
});

test('a target that is this machine, has no route or no name is told', async (context) => {
  const machine = recordedMachine(context, {
    says: { 'ip -json route get 127.0.0.1': '[{"type":"local","dst":"127.0.0.1","dev":"lo"}]' },
  });
  await assert.rejects(networkTo(machine, '127.0.0.1'), failsWith('E_USAGE', /this machine itself/));
  await assert.rejects(networkTo(machine, '192.0.2.9'), failsWith('E_FILE', /ip route get/));
  await assert.rejects(networkTo(machine, 'nowhere.example'), failsWith('E_FILE', /cannot be resolved/));
});
