import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type NetworkPlan, networkPlanText, parseNetworkPlan } from './network-plan.ts';

const plan: NetworkPlan = {
  cards: [
    {
      mac: '52:54:00:12:34:56',
      name: 'enp1s0',
      configured: 'dhcp',
      addresses: ['10.0.2.15/24', 'fd00::5/64'],
      routes: [
        { to: 'default', via: '10.0.2.2', family: 4 },
        { to: 'fd01::/64', family: 6 },
      ],
      mtu: 1500,
    },
  ],
  hosts: [{ name: 'crash.example', address: '10.0.2.100' }],
  nameServers: ['10.0.2.3'],
};

test('a plan comes back as it was written', () => {
  assert.deepEqual(parseNetworkPlan(networkPlanText(plan), 'network.json'), plan);
});

type Json = { [key: string]: unknown };

/** The plan with one value of its card changed. */
const withCard = (changes: Json): string =>
  JSON.stringify({ ...plan, cards: [{ ...plan.cards[0], ...changes }] });

const refusals: readonly [what: string, text: string, message: RegExp][] = [
  ['no JSON', '{', /network\.json: is not JSON/],
  ['a list', '[]', /it is not an object/],
  ['no cards', '{}', /cards is not a list/],
  ['a MAC in capitals', withCard({ mac: '52:54:00:AB:34:56' }), /cards\.0\.mac is not a card address/],
  ['an option for a name', withCard({ name: '../x' }), /cards\.0\.name is not the name/],
  [
    'an address without bits',
    withCard({ addresses: ['10.0.2.15'] }),
    /cards\.0\.addresses\.0 is not ADDRESS\/BITS/,
  ],
  ['too many bits', withCard({ addresses: ['10.0.2.15/33'] }), /cards\.0\.addresses\.0 is not ADDRESS\/BITS/],
  ['a zone', withCard({ addresses: ['fe80::1%eth0/64'] }), /cards\.0\.addresses\.0 is not ADDRESS\/BITS/],
  ['an MTU of 0', withCard({ mtu: 0 }), /cards\.0\.mtu is not a size/],
  ['a word for a way', withCard({ configured: 'auto' }), /cards\.0\.configured is not "static" or "dhcp"/],
  [
    'a route over the other family',
    withCard({ routes: [{ to: 'default', via: 'fd00::1', family: 4 }] }),
    /cards\.0\.routes\.0 is not a route of IPv4/,
  ],
  [
    'a host with a blank',
    JSON.stringify({ ...plan, hosts: [{ name: 'a b', address: '::1' }] }),
    /hosts\.0\.name/,
  ],
];

for (const [what, text, message] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => parseNetworkPlan(text, 'network.json'),
      (error: Error & { toLine(): string }) => {
        assert.match(error.toLine(), message);
        return true;
      },
    );
  });
}
