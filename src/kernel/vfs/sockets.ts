/**
 * What a socket is connected to.
 *
 * Source of truth: include/linux/net.h, net/sock.h, net/af_unix.h (Linux 4.18, 6.1, 6.12, 7.2). A file of sockfs has its struct socket in private_data.
 * Addresses and ports of the other end are in network order, the own port (skc_num) is in the machine's.
 */
import { viewOf } from '../../base/bytes.ts';
import { asVaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../crashed-kernel.ts';
import type { Struct } from '../struct.ts';

export interface SocketEnds {
  /** "TCP", "UDPv6", "UNIX-STREAM", "NETLINK": as the kernel calls the protocol. */
  readonly protocol: string;
  /** "10.0.0.1:22", "[::1]:80", "/run/socket", "@abstract"; empty when it has none. */
  readonly local: string;
  readonly remote: string;
}

/** include/linux/socket.h. */
const families = { unix: 1, inet: 2, inet6: 10 } as const;

/** Undefined for a file that is no socket, and for a socket that is no more. E_UNREADABLE when it is not in the dump. */
export function socketEnds(crashed: CrashedKernel, file: Struct): SocketEnds | undefined {
  const type = file.follow('f_inode')?.follow('i_sb')?.follow('s_type')?.text('name');
  if (type !== 'sockfs') return undefined;
  const sock = file.follow('private_data', 'socket')?.follow('sk');
  if (sock === undefined) return undefined;
  const common = sock.struct('__sk_common');
  const protocol = common.follow('skc_prot')?.text('name') ?? '';
  switch (common.number('skc_family')) {
    case families.unix:
      return { protocol, ...unixEnds(crashed, sock) };
    case families.inet:
      return { protocol, ...inetEnds(common, 'skc_rcv_saddr', 'skc_daddr', (bytes) => bytes.join('.')) };
    case families.inet6:
      return { protocol, ...inetEnds(common, 'skc_v6_rcv_saddr', 'skc_v6_daddr', ipv6Text) };
    default:
      return { protocol, local: '', remote: '' };
  }
}

type Ends = Pick<SocketEnds, 'local' | 'remote'>;

function inetEnds(
  common: Struct,
  local: string,
  remote: string,
  addressText: (bytes: Uint8Array) => string,
): Ends {
  const end = (member: string, port: number): string =>
    port === 0 ? '' : `${addressText(common.bytes(member))}:${port}`;
  return {
    local: end(local, common.number('skc_num')),
    remote: end(remote, viewOf(common.bytes('skc_dport')).getUint16(0, false)),
  };
}

/** Groups without leading zeros, the longest run of zero groups left out (RFC 5952). */
function ipv6Text(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i, false).toString(16)).join(':');
  const runs = groups.match(/\b0(?::0)+\b/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  return `[${longest === '' ? groups : groups.replace(longest, '::').replace(/:{3,}/, '::')}]`;
}

/** The own name; a peer that has none is not worth a word. */
function unixEnds(crashed: CrashedKernel, sock: Struct): Ends {
  const name = (end: Struct | undefined): string => {
    const address = end?.follow('addr');
    if (address === undefined) return '';
    // sun_family comes first.
    const length = Math.min(address.number('len'), crashed.layouts.requireSize('sockaddr_un')) - 2;
    if (length <= 0) return '';
    const path = address.addressOf('name') + 2n;
    const bytes = crashed.kernel.read(asVaddr(path), length);
    const text = String.fromCharCode(...bytes);
    // A name that begins with a NUL is in no file system.
    return text.startsWith('\0') ? `@${text.slice(1)}` : text.replace(/\0.*$/s, '');
  };
  const own = crashed.struct('unix_sock', sock.address);
  const peer = own.follow('peer');
  return {
    local: name(own),
    remote: peer === undefined ? '' : name(crashed.struct('unix_sock', peer.address)),
  };
}
