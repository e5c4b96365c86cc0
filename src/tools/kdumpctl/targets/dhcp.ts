/** A lease by busybox udhcpc, which calls a script with what it was given in the environment: ours writes that down, and network.ts acts on it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmcoreError } from '../../../base/errors.ts';
import { isIPv4 } from '../../../sys/ip-address.ts';
import { lastLine } from '../../../sys/programs.ts';
import { runLimited } from './limited.ts';

export interface Lease {
  /** `10.0.2.15/24`. */
  readonly address: string;
  readonly router: string | undefined;
  readonly nameServers: readonly string[];
}

/** Seconds between discover packets. */
const pause = 3;
/** For udhcpc to end when it has given up, milliseconds. */
const grace = 30_000;

/** $1 is the event; deconfig comes first, bound in the end. `mask` is the number of bits. Source: examples/udhcp/simple.script of busybox 1.35. */
const script = `#!/bin/sh
[ "$1" = bound ] || exit 0
printf '%s\\n' "ip=$ip" "mask=$mask" "router=$router" "dns=$dns" >"$0.lease"
`;

/** E_IO when no server answers for `limit` milliseconds, or not with an address. */
export async function askForLease(card: string, limit: number): Promise<Lease> {
  const scriptFile = join(tmpdir(), `udhcpc-${card}`);
  const leaseFile = `${scriptFile}.lease`;
  rmSync(leaseFile, { force: true });
  writeFileSync(scriptFile, script, { mode: 0o700 });
  const packets = Math.max(1, Math.round(limit / 1000 / pause));
  const args = ['-f', '-n', '-q', '-t', String(packets), '-T', String(pause), '-i', card, '-s', scriptFile];
  const { status, stderr } = await runLimited('udhcpc', args, limit + grace);
  if (status !== 0) {
    throw new VmcoreError('E_IO', `no lease: ${lastLine(stderr) || `udhcpc ended with status ${status}`}`, {
      file: card,
      hint: 'check the DHCP server',
    });
  }
  return parseLease(readFileSync(leaseFile, 'utf8'), card);
}

/** E_IO when there is no address in it. What else is no address is left out. */
export function parseLease(text: string, card: string): Lease {
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const addresses = (name: string): string[] =>
    value(name)
      .split(/\s+/)
      .filter((word) => isIPv4(word));
  const [ip, bits] = [value('ip'), Number(value('mask') || Number.NaN)];
  if (!isIPv4(ip) || !Number.isInteger(bits) || bits < 1 || bits > 32) {
    throw new VmcoreError('E_IO', `a lease without an address: ip "${ip}", mask "${value('mask')}"`, {
      file: card,
      hint: 'check the DHCP server',
    });
  }
  return { address: `${ip}/${bits}`, router: addresses('router')[0], nameServers: addresses('dns') };
}
