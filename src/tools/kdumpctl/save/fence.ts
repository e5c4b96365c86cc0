/**
 * Tells the other nodes of a cluster that this one is saving a dump, so that they do not fence it: the message of fence_kdump_send, every so often
 * until the save ends.
 *
 * Source of truth: fence_kdump_send(8), and message.h, options.h of agents/kdump in fence-agents 4.12: two 32-bit words, magic and version, in
 * the sender's byte order; UDP port 7410; every 10 seconds, without an end.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { endianness } from 'node:os';
import { VmcoreError } from '../../../base/errors.ts';
import { getopt } from '../../../base/getopt.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import type { Journal } from '../journal.ts';

const magic = 0x1b302a40;
const version = 1;

export interface FenceOptions {
  readonly port: number;
  /** Of the addresses that names are looked up for; 0: either. */
  readonly family: 0 | 4 | 6;
  /** Messages to each node; 0: until the save ends. */
  readonly count: number;
  /** Seconds. */
  readonly interval: number;
}

const optionNames = {
  p: 'value',
  ipport: 'value',
  f: 'value',
  family: 'value',
  c: 'value',
  count: 'value',
  i: 'value',
  interval: 'value',
  v: 'flag',
  verbose: 'flag',
} as const;
const families: Readonly<Record<string, FenceOptions['family']>> = { auto: 0, ipv4: 4, ipv6: 6 };

/** fence_kdump_args. E_USAGE for what fence_kdump_send does not have, naming it. */
export function parseFenceArgs(args: readonly string[]): FenceOptions {
  const { options, operands } = getopt(args, optionNames);
  const given = (short: string, long: string): string | undefined =>
    options.findLast(({ name }) => name === short || name === long)?.value;
  const wrong = (what: string): VmcoreError =>
    new VmcoreError('E_USAGE', `fence_kdump_args: ${what}`, {
      hint: 'write as for fence_kdump_send: -p PORT -f auto|ipv4|ipv6 -c COUNT -i SECONDS',
    });
  if (operands[0] !== undefined) throw wrong(`"${operands[0]}" is no option`);
  const number = (short: string, long: string, otherwise: number, most: number): number => {
    const text = given(short, long) ?? String(otherwise);
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value <= most) return value;
    throw wrong(`"${text}" is no value of -${short}`);
  };
  const family = families[given('f', 'family') ?? 'auto'];
  if (family === undefined) throw wrong(`"${given('f', 'family')}" is no value of -f`);
  return {
    port: number('p', 'ipport', 7410, 65_535),
    family,
    count: number('c', 'count', 0, 1e9),
    interval: Math.max(1, number('i', 'interval', 10, 1e6)),
  };
}

export function fenceMessage(): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const isLittle = endianness() === 'LE';
  view.setUint32(0, magic, isLittle);
  view.setUint32(4, version, isLittle);
  return bytes;
}

export interface FenceNotices {
  stop(): void;
}

const silence: FenceNotices = { stop() {} };

/**
 * Begins at once and goes on until stopped; keeps no process alive. Never throws: a node that cannot be told is an event, once. The network must
 * be up.
 */
export function startFenceNotices(fence: KdumpConf['fence'], journal: Journal): FenceNotices {
  if (fence.nodes.length === 0) return silence;
  const options = fenceOptionsOf(fence.args, journal);
  const complain = once((node, message) => journal.event('fence-failed', { node, message }));
  const sockets: Partial<Record<4 | 6, Socket>> = {};
  const socketFor = (family: 4 | 6): Socket => {
    const known = sockets[family];
    if (known !== undefined) return known;
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.unref();
    socket.on('error', (error) => complain(`IPv${family}`, error.message));
    sockets[family] = socket;
    return socket;
  };
  const tell = async (node: string): Promise<void> => {
    try {
      const { address, family } = await lookup(node, { family: options.family });
      socketFor(family === 6 ? 6 : 4).send(fenceMessage(), options.port, address, (error) => {
        if (error !== null) complain(node, error.message);
      });
    } catch (error) {
      complain(node, error instanceof Error ? error.message : String(error));
    }
  };
  let sent = 0;
  const round = (): void => {
    sent++;
    for (const node of fence.nodes) void tell(node);
    if (sent === options.count) clearInterval(timer);
  };
  const timer = setInterval(round, options.interval * 1000);
  timer.unref();
  round();
  journal.event('fence-notices', { nodes: fence.nodes, port: options.port, interval: options.interval });
  return {
    stop() {
      clearInterval(timer);
      for (const socket of Object.values(sockets)) socket.close();
    },
  };
}

/** The usual ones, told, where the given ones are wrong: a typing error must not get the machine fenced. */
function fenceOptionsOf(args: readonly string[], journal: Journal): FenceOptions {
  try {
    return parseFenceArgs(args);
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    journal.event('conf-problem', { message: error.toLine() });
    return parseFenceArgs([]);
  }
}

/** Each node's first trouble. */
function once(tell: (node: string, message: string) => void): (node: string, message: string) => void {
  const told = new Set<string>();
  return (node, message) => {
    if (told.has(node)) return;
    told.add(node);
    tell(node, message);
  };
}
