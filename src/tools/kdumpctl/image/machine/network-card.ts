/**
 * The network card that leads to a host, and how it is configured: what ip(8) says now is what the capture kernel will set up.
 *
 * Source of truth: ip-address(8), ip-link(8) and ip-route(8) of iproute2 6.1 (-json), Documentation/ABI/testing/sysfs-class-net.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import { join } from 'node:path';
import { VmcoreError } from '../../../../base/errors.ts';
import { namesIn } from '../../../../sys/names-in.ts';
import type { CardPlan, HostAddress, NetworkPlan, RoutePlan } from '../../targets/network-plan.ts';
import type { LiveSystem } from './live-system.ts';

export interface Network {
  readonly plan: NetworkPlan;
  /** The card's folder in sysfs, links resolved, for its drivers. */
  readonly device: string;
}

const iproute = { name: 'ip', debianPackage: 'iproute2' };
const getent = { name: 'getent', debianPackage: 'libc-bin' };

/** For a name or an address. E_FILE when it cannot be resolved or reached, E_UNSUPPORTED for a link that is not one card. */
export async function networkTo(machine: LiveSystem, host: string): Promise<Network> {
  const addresses = await addressesOf(machine, host);
  const { address, routed } = await firstRouted(machine, addresses);
  const card = await cardPlan(machine, routed, address);
  const hosts: HostAddress[] = isIP(host) === 0 ? addresses.map((address) => ({ name: host, address })) : [];
  return {
    plan: { cards: [card], hosts, nameServers: nameServersOf(machine) },
    device: realpathSync(join(classNet(machine), routed.port, 'device')),
  };
}

async function addressesOf(machine: LiveSystem, host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const { status, stdout } = await machine.run(getent, ['ahosts', host]);
  const found = stdout
    .toString()
    .split('\n')
    .map((line) => line.split(/\s+/)[0] ?? '')
    .filter((address) => isIP(address) !== 0);
  if (status !== 0 || found.length === 0) {
    throw new VmcoreError('E_FILE', 'its name cannot be resolved', {
      file: host,
      hint: 'check the name in kdump.conf, and the name servers of this machine; an address works too',
    });
  }
  return [...new Set(found)];
}

/** What of ip's JSON is used; every field may be missing, because it is another program's. */
interface Route {
  readonly type?: string;
  readonly dst?: string;
  readonly dev?: string;
  readonly gateway?: string;
  readonly protocol?: string;
}
interface Link {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly address?: string;
  readonly permaddr?: string;
  readonly link_type?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly Address[];
}
interface Address {
  readonly family?: string;
  readonly local?: string;
  readonly prefixlen?: number;
  readonly scope?: string;
  readonly dynamic?: boolean;
  readonly temporary?: boolean;
  readonly tentative?: boolean;
  readonly dadfailed?: boolean;
}

async function ip<Item>(machine: LiveSystem, args: readonly string[], about: string): Promise<Item[]> {
  const { status, stdout, stderr } = await machine.run(iproute, ['-json', ...args]);
  const text = stdout.toString().trim();
  if (status !== 0) {
    throw new VmcoreError('E_FILE', `ip ${args.join(' ')}: ${stderr.trim() || `exit status ${status}`}`, {
      file: about,
      hint: 'bring the network up before kdump is started',
    });
  }
  const list: unknown = text === '' ? [] : JSON.parse(text);
  // Its fields are all optional, and checked where they are used.
  return (Array.isArray(list) ? list : [list]) as Item[];
}

interface RoutedCard {
  /** The link that has the addresses. */
  readonly link: string;
  /** The card itself: the same, or the one port of a bridge. */
  readonly port: string;
}

const classNet = (machine: LiveSystem): string => join(machine.root, 'sys/class/net');

/** A name may have addresses of a family that this machine does not speak. */
async function firstRouted(
  machine: LiveSystem,
  addresses: readonly string[],
): Promise<{ readonly address: string; readonly routed: RoutedCard }> {
  const errors: VmcoreError[] = [];
  for (const address of addresses) {
    try {
      return { address, routed: await cardOnRouteTo(machine, address) };
    } catch (error) {
      if (!(error instanceof VmcoreError)) throw error;
      errors.push(error);
    }
  }
  throw errors[0] ?? new Error('no address to look for');
}

async function cardOnRouteTo(machine: LiveSystem, address: string): Promise<RoutedCard> {
  const [route] = await ip<Route>(machine, ['route', 'get', address], address);
  const link = route?.dev;
  if (link === undefined) {
    throw new VmcoreError('E_FILE', 'no route leads to it', {
      file: address,
      hint: 'bring the network up before kdump is started',
    });
  }
  if (link === 'lo' || route?.type === 'local') {
    throw new VmcoreError('E_USAGE', 'is this machine itself, which will have crashed', {
      file: address,
      hint: 'name another machine',
    });
  }
  const folder = join(classNet(machine), link);
  if (existsSync(join(folder, 'phy80211')) || existsSync(join(folder, 'wireless'))) {
    throw unusable(link, 'a wireless card, which needs a password and a program to join its network');
  }
  if (existsSync(join(folder, 'device'))) return { link, port: link };
  const kind = await kindOf(machine, link);
  const ports = namesIn(join(folder, 'brif')).filter((name) =>
    existsSync(join(classNet(machine), name, 'device')),
  );
  const [port] = ports;
  // Virtual machines hang on the other ports.
  if (kind === 'bridge' && port !== undefined && ports.length === 1) return { link, port };
  throw unusable(link, kind === undefined ? 'not a card' : `a link of kind ${kind}, not one card`);
}

const unusable = (link: string, why: string): VmcoreError =>
  new VmcoreError('E_UNSUPPORTED', `the route to the target goes through ${link}, which is ${why}`, {
    file: link,
    hint: 'give the target a route through one wired card, name a target on a disk, or make the image with dracut, see docs/capture-image.md',
  });

async function kindOf(machine: LiveSystem, link: string): Promise<string | undefined> {
  const [found] = await ip<Link>(machine, ['-details', 'link', 'show', 'dev', link], link);
  return found?.linkinfo?.info_kind;
}

async function cardPlan(machine: LiveSystem, { link, port }: RoutedCard, target: string): Promise<CardPlan> {
  const [configured] = await ip<Link>(machine, ['address', 'show', 'dev', link], link);
  const [card] = await ip<Link>(machine, ['-details', 'link', 'show', 'dev', port], port);
  // The address that it was made with is the one that it has in a fresh kernel.
  const mac = (card?.permaddr ?? card?.address ?? '').toLowerCase();
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac))
    throw unusable(port, `of type ${card?.link_type ?? 'unknown'}`);
  const addresses = (configured?.addr_info ?? []).filter(isLasting);
  const routes = [
    ...(await ip<Route>(machine, ['-4', 'route', 'show', 'dev', link], link)).map((route) => ({
      route,
      family: 4 as const,
    })),
    ...(await ip<Route>(machine, ['-6', 'route', 'show', 'dev', link], link)).map((route) => ({
      route,
      family: 6 as const,
    })),
  ];
  const isLeased =
    isIPv4(target) &&
    (addresses.some(({ family, dynamic }) => family === 'inet' && dynamic === true) ||
      routes.some(({ route, family }) => family === 4 && route.protocol === 'dhcp'));
  return {
    mac,
    name: port,
    configured: isLeased ? 'dhcp' : 'static',
    addresses: addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    routes: routes.flatMap(({ route, family }) => routePlan(route, family)).toSorted(linksFirst),
    mtu: configured?.mtu ?? 1500,
  };
}

/** Link-local addresses are made by the kernel itself, temporary ones end. */
const isLasting = ({ scope, temporary, tentative, dadfailed, local, prefixlen }: Address): boolean =>
  scope !== 'link' &&
  scope !== 'host' &&
  temporary !== true &&
  tentative !== true &&
  dadfailed !== true &&
  local !== undefined &&
  prefixlen !== undefined;

/** Of a route that an address does not bring by itself. */
function routePlan({ type, dst, gateway, protocol }: Route, family: 4 | 6): RoutePlan[] {
  if (dst === undefined || protocol === 'kernel' || (type !== undefined && type !== 'unicast')) return [];
  // A single host has no prefix.
  const to = dst === 'default' || dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`;
  return [gateway === undefined ? { to, family } : { to, via: gateway, family }];
}

/** A gateway may be reached only by a route of its own. */
const linksFirst = (a: RoutePlan, b: RoutePlan): number =>
  Number(a.via !== undefined) - Number(b.via !== undefined);

/** A server on the machine itself will not answer. */
function nameServersOf(machine: LiveSystem): string[] {
  const file = join(machine.root, 'etc/resolv.conf');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((address) => isIP(address) !== 0 && !address.startsWith('127.') && address !== '::1');
}
