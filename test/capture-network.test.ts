/**
 * The network of the capture kernel, brought up with the programs of the capture image (busybox ip and udhcpc) in a network namespace of its own: a
 * pair of virtual cards, on whose other side a DHCP server may be. /etc and /sys are the namespace's own too.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findProgram, runProgram } from '../src/sys/programs.ts';
import type { JournalEvent } from '../src/tools/kdumpctl/journal.ts';
import {
  type CardPlan,
  type NetworkPlan,
  networkPlanText,
} from '../src/tools/kdumpctl/targets/network-plan.ts';

const busybox = findProgram('busybox') ?? '';
const iproute = findProgram('ip') ?? '';
const mac = '52:54:00:12:34:56';

/** $1 our ip, $2 busybox, $3 configuration of the DHCP server or nothing, then the command. */
const inNamespace = `
set -e
ip=$1 busybox=$2 dhcp=$3
shift 3
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /etc
"$ip" link add card0 address ${mac} type veth peer name other0
"$ip" link set other0 up
if [ -n "$dhcp" ]; then
  "$ip" address add 10.9.0.1/24 dev other0
  "$busybox" udhcpd -f "$dhcp" >/dev/null 2>&1 &
  server=$!
fi
"$@"
echo ---
"$ip" -4 route
"$ip" -6 route
"$ip" link show card0
cat /etc/hosts /etc/resolv.conf
if [ -n "$dhcp" ]; then kill "$server"; fi
`;

async function whyNot(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'only root can make network namespaces';
  if (busybox === '' || iproute === '') return 'needs busybox and ip';
  const { status, stderr } = await runProgram('unshare', [
    ...['-n', 'sh', '-c', '"$1" link add card0 type veth peer name other0', 'sh', iproute],
  ]);
  return status === 0 ? false : `no virtual cards: ${stderr.trim()}`;
}

interface Outcome {
  readonly address?: string;
  readonly error?: string;
  readonly events: readonly JournalEvent[];
  /** Routes, the card, hosts and name servers afterwards. */
  readonly after: string;
}

describe('the network of the capture kernel', {
  skip: await whyNot(),
  timeout: 300_000,
  concurrency: 4,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-test-network-'));
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  for (const applet of ['ip', 'udhcpc']) symlinkSync(busybox, join(programs, applet));
  after(() => rmSync(folder, { recursive: true }));

  let runs = 0;
  async function bringUp(
    card: Partial<CardPlan>,
    plan: Partial<NetworkPlan> = {},
    dhcp?: string,
  ): Promise<Outcome> {
    const own = join(folder, String(runs++));
    mkdirSync(own);
    const usual: CardPlan = {
      mac,
      name: 'enp1s0',
      configured: 'static',
      addresses: [],
      routes: [],
      mtu: 1500,
    };
    const file = join(own, 'network.json');
    writeFileSync(
      file,
      networkPlanText({ cards: [{ ...usual, ...card }], hosts: [], nameServers: [], ...plan }),
    );
    const dhcpFile = dhcp === undefined ? '' : join(own, 'udhcpd.conf');
    if (dhcp !== undefined)
      writeFileSync(
        dhcpFile,
        `interface other0\nlease_file ${join(own, 'leases')}\npidfile ${join(own, 'pid')}\n${dhcp}`,
      );
    const program = join(import.meta.dirname, 'support', 'bring-up-network.ts');
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', program, file];
    const { status, stdout, stderr } = await runProgram(
      'unshare',
      ['-n', '-m', 'sh', '-c', inNamespace, 'sh', iproute, busybox, dhcpFile, ...command],
      { env: { PATH: `${programs}:${process.env.PATH}`, TMPDIR: own }, timeout: 200_000 },
    );
    assert.equal(status, 0, stderr);
    const [json = '', rest = ''] = stdout.toString().split('---\n');
    return { ...(JSON.parse(json) as Omit<Outcome, 'after'>), after: rest };
  }

  it('an address, its routes, names and MTU, as they were', async () => {
    const { address, events, after } = await bringUp(
      {
        addresses: ['10.9.0.5/24', 'fd00::5/64'],
        routes: [
          { to: '10.8.0.9/32', family: 4 },
          { to: 'default', via: '10.9.0.1', family: 4 },
          { to: '10.7.0.0/16', via: '10.8.0.9', family: 4 },
          { to: 'default', via: 'fd00::1', family: 6 },
        ],
        mtu: 9000,
      },
      { hosts: [{ name: 'crash.test', address: '10.9.0.100' }], nameServers: ['10.9.0.3'] },
    );
    assert.equal(address, '10.9.0.5');
    for (const line of [
      /^default via 10\.9\.0\.1 dev card0/m,
      /^10\.7\.0\.0\/16 via 10\.8\.0\.9 dev card0/m,
      /^default via fd00::1 dev card0/m,
      /mtu 9000/,
      /^10\.9\.0\.100 crash\.test$/m,
      /^nameserver 10\.9\.0\.3$/m,
    ]) {
      assert.match(after, line);
    }
    const names = events.map(({ name }) => name);
    assert.deepEqual(names, ['network-card', 'network-carrier', 'network-up']);
  });

  it('an address from a DHCP server, with its router and name servers', async () => {
    const { address, events, after } = await bringUp(
      {
        configured: 'dhcp',
        addresses: ['192.0.2.7/24'],
        routes: [{ to: 'default', via: '192.0.2.1', family: 4 }],
      },
      { nameServers: ['192.0.2.3'] },
      'start 10.9.0.50\nend 10.9.0.50\noption subnet 255.255.255.0\noption router 10.9.0.1\noption dns 10.9.0.3\n',
    );
    assert.equal(address, '10.9.0.50', JSON.stringify(events));
    assert.match(after, /^default via 10\.9\.0\.1 dev card0/m);
    assert.match(after, /^nameserver 10\.9\.0\.3\nnameserver 192\.0\.2\.3$/m);
    assert.ok(events.some(({ name }) => name === 'network-lease'));
  });

  it('without a DHCP server, the address that it had', async () => {
    const { address, events, after } = await bringUp({
      configured: 'dhcp',
      addresses: ['10.9.0.7/24'],
      routes: [{ to: 'default', via: '10.9.0.1', family: 4 }],
    });
    assert.equal(address, '10.9.0.7');
    assert.match(after, /^default via 10\.9\.0\.1 dev card0/m);
    const failed = events.find(({ name }) => name === 'network-lease-failed')?.fields.message;
    assert.match(String(failed), /no lease.*taking the addresses it had when the crash kernel was armed/);
  });

  it('a route that the kernel refuses is told, and the others count', async () => {
    const { address, events, after } = await bringUp({
      addresses: ['10.9.0.5/24'],
      routes: [
        { to: '10.7.0.0/16', via: '192.0.2.1', family: 4 },
        { to: '10.6.0.0/16', via: '10.9.0.1', family: 4 },
      ],
    });
    assert.equal(address, '10.9.0.5');
    assert.match(after, /^10\.6\.0\.0\/16 via 10\.9\.0\.1/m);
    const { fields } = events.find(({ name }) => name === 'network-route-failed') ?? {};
    assert.equal(fields?.route, '10.7.0.0/16 via 192.0.2.1');
  });

  it('a card that does not come: which, and which there are', async () => {
    const { error, address } = await bringUp({ mac: '52:54:00:00:00:01', addresses: ['10.9.0.5/24'] });
    assert.equal(address, undefined);
    assert.match(
      error ?? '',
      /^enp1s0: no network card 52:54:00:00:00:01 after 2 s; there are: .*card0 52:54:00:12:34:56/,
    );
  });
});
