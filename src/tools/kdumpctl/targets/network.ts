/**
 * The network of the capture kernel: the cards of /etc/vmcore/network.json brought up with busybox ip and udhcpc, each step with a limit and an event.
 *
 * Cards appear some time after their driver, have no carrier for seconds after they are up, and the switch behind them may take half a minute more to
 * let them talk (that is waited for where the server is first spoken to: nfs.ts, ssh.ts). When no lease is given, the card gets what it had when
 * the crash kernel was armed.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { milliseconds } from '../../../sys/clock.ts';
import { isIPv6 } from '../../../sys/ip-address.ts';
import { namesIn } from '../../../sys/names-in.ts';
import { lastLine } from '../../../sys/programs.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';
import type { Journal } from '../journal.ts';
import { askForLease, type Lease } from './dhcp.ts';
import { runLimited, waitFor } from './limited.ts';
import {
  type CardPlan,
  type NetworkPlan,
  networkPlanPath,
  type RoutePlan,
  readNetworkPlan,
} from './network-plan.ts';

/** How long is waited, milliseconds. */
export interface NetworkLimits {
  /** For a card to be there. */
  readonly card: number;
  /** For its cable to carry. */
  readonly carrier: number;
  /** For a lease. */
  readonly lease: number;
}

/** A driver loads firmware, a link is negotiated, a DHCP relay sleeps: each of them takes seconds, and none of them a minute. */
const usualLimits: NetworkLimits = { card: 60_000, carrier: 60_000, lease: 24_000 };
/** One call of ip. Milliseconds. */
const ipLimit = 20_000;

const netFolder = '/sys/class/net';

/** Brings up what /etc/vmcore/network.json says; undefined when this image has none, because its target needs no network. */
export function networkOfImage(): ((journal: Journal) => Promise<string>) | undefined {
  if (!existsSync(networkPlanPath)) return undefined;
  return async (journal) => bringUpNetwork(readNetworkPlan(networkPlanPath), journal);
}

/**
 * Brings up all cards it can, and writes /etc/hosts and /etc/resolv.conf. Returns this machine's first address on them, without the prefix. E_IO when
 * no card came up.
 *
 * Journal events: network-card, network-carrier, network-lease, network-up; network-card-failed, network-lease-failed, network-route-failed.
 */
export async function bringUpNetwork(
  plan: NetworkPlan,
  journal: Journal,
  limits: NetworkLimits = usualLimits,
): Promise<string> {
  // Programs on this machine talk to each other over it.
  await ip(['link', 'set', 'dev', 'lo', 'up']).catch(() => undefined);
  const up: CardUp[] = [];
  let failure: unknown;
  for (const card of plan.cards) {
    try {
      up.push(await bringUpCard(card, limits, journal));
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      failure ??= error;
      journal.event('network-card-failed', { card: card.name, mac: card.mac, message: error.toLine() });
    }
  }
  writeNames(
    plan,
    up.flatMap(({ nameServers }) => nameServers),
  );
  const [address] = up.flatMap(({ addresses }) => addresses);
  if (address !== undefined) return withoutBits(address);
  throw (
    failure ??
    new VmcoreError('E_IO', 'the network has no card with an address', {
      hint: 'restart the service while the network is up: vmcore kdumpctl restart',
    })
  );
}

interface CardUp {
  readonly addresses: readonly string[];
  /** From the lease. */
  readonly nameServers: readonly string[];
}

async function bringUpCard(card: CardPlan, limits: NetworkLimits, journal: Journal): Promise<CardUp> {
  const name = await findCard(card, limits.card);
  journal.event('network-card', { card: name, wasCalled: card.name, mac: card.mac });
  // The addresses were tried out by the kernel before; asking the neighbours again takes a second that a connection would fail in.
  write(`/proc/sys/net/ipv6/conf/${name}/accept_dad`, '0');
  if (read(join(netFolder, name, 'mtu')) !== String(card.mtu)) {
    // Nothing is as good as any other size where the driver refuses this one.
    await ip(['link', 'set', 'dev', name, 'mtu', String(card.mtu)]).catch(tellRefused(card, journal));
  }
  await ip(['link', 'set', 'dev', name, 'up']);
  await waitForCarrier(name, card, limits.carrier, journal);
  const lease = card.configured === 'dhcp' ? await leaseFor(name, limits.lease, journal) : undefined;
  const { addresses, routes, nameServers } =
    lease === undefined ? { ...card, nameServers: [] } : merged(card, lease);
  for (const address of addresses) await addAddress(name, address);
  for (const route of routes) await addRoute(name, route, journal);
  journal.event('network-up', { card: name, addresses, routes: routes.map(routeText) });
  return { addresses, nameServers };
}

async function findCard({ mac, name }: CardPlan, limit: number): Promise<string> {
  const found = await waitFor(() => cardWithAddress(mac), limit);
  if (found !== undefined) return found;
  throw new VmcoreError(
    'E_FILE',
    `no network card ${mac} after ${limit / 1000} s; there are: ${presentCards()}`,
    {
      file: name,
      hint: 'check that the capture image has the module for it: restart the service',
    },
  );
}

const cardNames = (): readonly string[] => namesIn(netFolder).filter((name) => name !== 'lo');
const addressOf = (card: string): string => read(join(netFolder, card, 'address')) ?? '';
const cardWithAddress = (mac: string): string | undefined =>
  cardNames().find((name) => addressOf(name) === mac);
const presentCards = (): string =>
  cardNames()
    .map((name) => `${name} ${addressOf(name)}`)
    .join(', ') || 'none';

/** A card without a carrier is configured all the same: some drivers do not tell. */
async function waitForCarrier(name: string, card: CardPlan, limit: number, journal: Journal): Promise<void> {
  const started = milliseconds();
  const carrier = await waitFor(
    () => (read(join(netFolder, name, 'carrier')) === '1' ? true : undefined),
    limit,
    100,
  );
  if (carrier === true) {
    journal.event('network-carrier', {
      card: name,
      seconds: Math.round((milliseconds() - started) / 100) / 10,
    });
    return;
  }
  journal.event('network-card-failed', {
    card: card.name,
    mac: card.mac,
    message: `no carrier after ${limit / 1000} s: check cable and switch; going on without`,
  });
}

async function leaseFor(name: string, limit: number, journal: Journal): Promise<Lease | undefined> {
  try {
    const lease = await askForLease(name, limit);
    journal.event('network-lease', { card: name, address: lease.address, router: lease.router ?? null });
    return lease;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('network-lease-failed', {
      card: name,
      message: `${error.message}: taking the addresses it had when the crash kernel was armed`,
    });
    return undefined;
  }
}

/** What the lease says of IPv4, and what was written down of the rest. Of gateways, the lease's own comes first. */
export function merged(card: CardPlan, lease: Lease): CardUp & { readonly routes: readonly RoutePlan[] } {
  const ownDefault: readonly RoutePlan[] =
    lease.router === undefined ? [] : [{ to: 'default', via: lease.router, family: 4 }];
  const isReplaced = ({ to, family }: RoutePlan): boolean =>
    to === 'default' && family === 4 && lease.router !== undefined;
  return {
    addresses: [lease.address, ...card.addresses.filter((address) => isIPv6(withoutBits(address)))],
    // A gateway of another network than the lease's is refused by the kernel, and that is told.
    routes: [...card.routes.filter((route) => !isReplaced(route)), ...ownDefault],
    nameServers: lease.nameServers,
  };
}

const withoutBits = (prefix: string): string => prefix.slice(0, prefix.indexOf('/'));

async function addAddress(name: string, address: string): Promise<void> {
  try {
    await ip(['address', 'add', address, 'dev', name]);
  } catch (error) {
    // The kernel's own, or given by its ip= option.
    if (!(error instanceof VmcoreError) || !error.message.includes('File exists')) throw error;
  }
}

const routeText = ({ to, via }: RoutePlan): string => (via === undefined ? to : `${to} via ${via}`);

/** A route that is refused may not be the one that is needed. */
async function addRoute(name: string, route: RoutePlan, journal: Journal): Promise<void> {
  const { to, via, family } = route;
  const gateway = via === undefined ? [] : ['via', via];
  try {
    await ip([family === 6 ? '-6' : '-4', 'route', 'replace', to, ...gateway, 'dev', name]);
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('network-route-failed', { card: name, route: routeText(route), message: error.message });
  }
}

const tellRefused =
  (card: CardPlan, journal: Journal) =>
  (error: unknown): void => {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('network-card-failed', {
      card: card.name,
      mac: card.mac,
      message: `mtu: ${error.message}; going on`,
    });
  };

/** E_IO with ip's own words. */
async function ip(args: readonly string[]): Promise<void> {
  const { status, stderr } = await runLimited('ip', args, ipLimit);
  if (status === 0) return;
  throw new VmcoreError('E_IO', `ip ${args.join(' ')}: ${lastLine(stderr) || `exit status ${status}`}`, {
    hint: 'restart the service, which notes the network anew',
  });
}

/** Files first: where the name server does not answer, what was written down still counts. */
function writeNames(plan: NetworkPlan, leased: readonly string[]): void {
  const hosts = [
    '127.0.0.1 localhost',
    '::1 localhost',
    ...plan.hosts.map(({ name, address }) => `${address} ${name}`),
  ];
  const servers = [...new Set([...leased, ...plan.nameServers])].map((address) => `nameserver ${address}`);
  for (const [file, lines] of [
    ['/etc/hosts', hosts],
    // Three servers are all that are asked, and each twice for five seconds by default (resolv.conf(5)): too long to wait for the dead.
    ['/etc/resolv.conf', [...servers.slice(0, 3), 'options timeout:3 attempts:2']],
    ['/etc/nsswitch.conf', ['passwd: files', 'group: files', 'hosts: files dns']],
  ] as const) {
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${lines.join('\n')}\n`);
    } catch (cause) {
      throw asVmcoreError(cause, 'cannot write', { file });
    }
  }
}

/** Undefined when it cannot be read: a card that is down has no carrier file to read. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** A kernel without IPv6 has no such file, and needs none. */
function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch {
    // It asks its neighbours, then.
  }
}
