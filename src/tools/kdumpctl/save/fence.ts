/**
 * Tells the other nodes of a cluster that this one is saving a dump, so that they do not fence it: the message of fence_kdump_send, every so often
 * until the save ends.
 *
 * Source of truth: fence_kdump_send(8) and message.h of agents/kdump in fence-agents 4.12: a datagram of two 32-bit words, magic and version, in
 * the sender's byte order. The receiver looks at the address that it comes from.
 */
import type { Socket } from 'node:dgram';
import { endianness } from 'node:os';
import { nodeDgram, nodeDns } from '../../../sys/late-modules.ts';
import { parseFenceArgs } from '../conf/fence-args.ts';
import type { KdumpConf } from '../conf/kdump-conf.ts';
import type { Journal } from '../journal.ts';

const magic = 0x1b302a40;
const version = 1;

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
 * Begins at once and goes on until stopped; keeps no process alive. The network must be up. `fence.args` are as parseFenceArgs() takes them. A node
 * that cannot be told is an event, once.
 */
export function startFenceNotices(fence: KdumpConf['fence'], journal: Journal): FenceNotices {
  if (fence.nodes.length === 0) return silence;
  const options = parseFenceArgs(fence.args);
  const complain = once((node, message) => journal.event('fence-failed', { node, message }));
  const sockets: Partial<Record<4 | 6, Socket>> = {};
  const socketFor = (family: 4 | 6): Socket => {
    const known = sockets[family];
    if (known !== undefined) return known;
    const socket = nodeDgram().createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.unref();
    socket.on('error', (error) => complain(`IPv${family}`, error.message));
    sockets[family] = socket;
    return socket;
  };
  const tell = async (node: string): Promise<void> => {
    try {
      const { address, family } = await nodeDns().lookup(node, { family: options.family });
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

/** Each node's first trouble. */
function once(tell: (node: string, message: string) => void): (node: string, message: string) => void {
  const told = new Set<string>();
  return (node, message) => {
    if (told.has(node)) return;
    told.add(node);
    tell(node, message);
  };
}
