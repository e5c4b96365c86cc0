/**
 * /etc/vmcore/network.json of a capture image: the cards that lead to the target, as they were when the crash kernel was armed. Written on the
 * live machine, acted on by network.ts in the capture kernel. Cards are known by their address, because names are given anew in every kernel.
 */
import { readFileSync } from 'node:fs';
import { VmcoreError } from '../../../base/errors.ts';
import { isIP, isIPv4, isIPv6 } from '../../../sys/ip-address.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';

export const networkPlanPath = '/etc/vmcore/network.json';

export interface NetworkPlan {
  readonly cards: readonly CardPlan[];
  /** Addresses that names had, for /etc/hosts: a crash is no time to depend on a name server. One name may have several. */
  readonly hosts: readonly HostAddress[];
  /** Addresses of name servers, for /etc/resolv.conf. */
  readonly nameServers: readonly string[];
}

export interface HostAddress {
  readonly name: string;
  readonly address: string;
}

export interface CardPlan {
  /** `52:54:00:12:34:56`, lower case: /sys/class/net/NAME/address. */
  readonly mac: string;
  /** What it was called, for messages; the capture kernel may call it otherwise. */
  readonly name: string;
  /** "dhcp": a lease is asked for, and `addresses` and `routes` are what is used when none is given. */
  readonly configured: 'static' | 'dhcp';
  /** `10.0.2.15/24`, `fd00::5/64`. Of addresses and routes, those that were given by router advertisements too. */
  readonly addresses: readonly string[];
  readonly routes: readonly RoutePlan[];
  /** Bytes. */
  readonly mtu: number;
}

export interface RoutePlan {
  /** `default`, or `192.0.2.0/24`. */
  readonly to: string;
  /** The gateway; not there for what is on the link itself. */
  readonly via?: string;
  /** The family of `default` without a gateway. */
  readonly family: 4 | 6;
}

/** E_FILE when it cannot be read, or is no plan. */
export function readNetworkPlan(file: string): NetworkPlan {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot read', { file });
  }
  return parseNetworkPlan(text, file);
}

export const networkPlanText = (plan: NetworkPlan): string => `${JSON.stringify(plan, undefined, 2)}\n`;

/** E_FILE, saying which field, when it is not a plan: a value of the wrong kind must not reach a command line. */
export function parseNetworkPlan(text: string, file: string): NetworkPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new VmcoreError('E_FILE', 'is not JSON', { file, hint: rebuild, cause });
  }
  const at: Reader = { file, path: '' };
  const plan = record(value, at);
  return {
    cards: listOf(plan.cards, within(at, 'cards'), cardOf),
    hosts: listOf(plan.hosts, within(at, 'hosts'), hostOf),
    nameServers: listOf(plan.nameServers, within(at, 'nameServers'), addressOf),
  };
}

const rebuild = 'build the capture image again: vmcore kdumpctl rebuild';

/** What is being read, for messages. */
interface Reader {
  readonly file: string;
  readonly path: string;
}
const within = ({ file, path }: Reader, name: string): Reader => ({
  file,
  path: path === '' ? name : `${path}.${name}`,
});

const wrong = ({ file, path }: Reader, expected: string): VmcoreError =>
  new VmcoreError('E_FILE', `${path === '' ? 'it' : path} is not ${expected}`, { file, hint: rebuild });

function record(value: unknown, at: Reader): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at, 'an object');
  // An object of JSON.parse has only own, named values.
  return value as Readonly<Record<string, unknown>>;
}

function listOf<Item>(value: unknown, at: Reader, read: (value: unknown, at: Reader) => Item): Item[] {
  if (!Array.isArray(value)) throw wrong(at, 'a list');
  return value.map((item: unknown, i) => read(item, within(at, String(i))));
}

const matching =
  (fits: (text: string) => boolean, expected: string) =>
  (value: unknown, at: Reader): string => {
    if (typeof value !== 'string' || !fits(value)) throw wrong(at, expected);
    return value;
  };

/** Without a zone (%eth0): cards have other names in the capture kernel. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%');
const isPrefix = (text: string): boolean => {
  const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (!isAddress(address)) return false;
  return Number(bits) <= (isIPv4(address) ? 32 : 128);
};

const addressOf = matching(isAddress, 'an IP address');
const prefixOf = matching(isPrefix, 'ADDRESS/BITS');
const macOf = matching(
  (text) => /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text),
  'a card address such as 52:54:00:12:34:56',
);
const cardNameOf = matching((text) => /^[^\s/]{1,15}$/.test(text), 'the name of a network card');
const hostNameOf = matching((text) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text), 'the name of a host');
const routeToOf = matching((text) => text === 'default' || isPrefix(text), '"default" or ADDRESS/BITS');

function cardOf(value: unknown, at: Reader): CardPlan {
  const { mac, name, configured, addresses, routes, mtu } = record(value, at);
  if (configured !== 'static' && configured !== 'dhcp') {
    throw wrong(within(at, 'configured'), '"static" or "dhcp"');
  }
  // 68 is the least that IPv4 allows (RFC 791), 65535 the most that fits.
  if (typeof mtu !== 'number' || !Number.isInteger(mtu) || mtu < 68 || mtu > 65_535) {
    throw wrong(within(at, 'mtu'), 'a size in bytes');
  }
  return {
    mac: macOf(mac, within(at, 'mac')),
    name: cardNameOf(name, within(at, 'name')),
    configured,
    addresses: listOf(addresses, within(at, 'addresses'), prefixOf),
    routes: listOf(routes, within(at, 'routes'), routeOf),
    mtu,
  };
}

function routeOf(value: unknown, at: Reader): RoutePlan {
  const { to, via, family } = record(value, at);
  if (family !== 4 && family !== 6) throw wrong(within(at, 'family'), '4 or 6');
  const target = routeToOf(to, within(at, 'to'));
  const gateway = via === undefined ? undefined : addressOf(via, within(at, 'via'));
  for (const address of [target.replace(/\/.*/, ''), gateway]) {
    if (address === undefined || address === 'default') continue;
    if (isIPv6(address) !== (family === 6)) throw wrong(at, `a route of IPv${family}`);
  }
  return gateway === undefined ? { to: target, family } : { to: target, via: gateway, family };
}

function hostOf(value: unknown, at: Reader): HostAddress {
  const { name, address } = record(value, at);
  return { name: hostNameOf(name, within(at, 'name')), address: addressOf(address, within(at, 'address')) };
}
