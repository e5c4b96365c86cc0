/**
 * Where a dump goes: what kdump.conf can name, one kind each. A kind is read here, and saved to in a file of its own.
 *
 * Source of truth: kdump.conf(5), parse_config() of kdumpctl and to_dev_name() of kdump-lib.sh (kdump-utils 63f248c).
 */
import { isIP } from '../../../sys/ip-address.ts';

export const fileSystems = ['ext2', 'ext3', 'ext4', 'minix', 'btrfs', 'xfs'] as const;
export type FileSystem = (typeof fileSystems)[number];

/** A block device, by its node or by what is written on it. */
export interface DeviceName {
  readonly by: 'path' | 'UUID' | 'LABEL' | 'PARTUUID' | 'PARTLABEL';
  readonly value: string;
}

/** No target is named: the file system that holds `path` when kdump is started. */
export interface PathTarget {
  readonly kind: 'path';
}

export interface FileSystemTarget {
  readonly kind: 'filesystem';
  readonly fileSystem: FileSystem;
  readonly device: DeviceName;
}

/** The dump is written flattened onto the device itself, from its first byte on. */
export interface RawTarget {
  readonly kind: 'raw';
  readonly device: DeviceName;
}

export interface SshTarget {
  readonly kind: 'ssh';
  readonly user: string;
  /** A name or an address, without brackets. */
  readonly host: string;
  /** File with the private key, on the machine that is armed. */
  readonly key: string;
}

export interface NfsTarget {
  readonly kind: 'nfs';
  /** A name or an address, without brackets. */
  readonly server: string;
  readonly exported: string;
}

export interface VirtiofsTarget {
  readonly kind: 'virtiofs';
  readonly tag: string;
}

export type Target = PathTarget | FileSystemTarget | RawTarget | SshTarget | NfsTarget | VirtiofsTarget;

/** What is wrong with a value, and what to write instead. */
export interface Wrong {
  readonly what: string;
  readonly hint: string;
}
export const isWrong = (value: object): value is Wrong => 'what' in value && 'hint' in value;

/** Keys that name a target. */
export const targetKeys = [...fileSystems, 'raw', 'ssh', 'nfs', 'virtiofs'] as const;
export type TargetKey = (typeof targetKeys)[number];
export const isTargetKey = (key: string): key is TargetKey => targetKeys.some((name) => name === key);

export const kindNamed = (key: TargetKey): Target['kind'] =>
  key === 'raw' || key === 'ssh' || key === 'nfs' || key === 'virtiofs' ? key : 'filesystem';

export const defaultSshKey = '/root/.ssh/kdump_id_rsa';

/** As mount(8) takes it: `/dev/sda1`, `UUID=…`. */
export const deviceText = ({ by, value }: DeviceName): string => (by === 'path' ? value : `${by}=${value}`);

/** For people: `ext4 UUID=…`, `ssh user@host`. */
export function targetText(target: Target): string {
  switch (target.kind) {
    case 'path':
      return 'the file system of path';
    case 'filesystem':
      return `${target.fileSystem} ${deviceText(target.device)}`;
    case 'raw':
      return `raw ${deviceText(target.device)}`;
    case 'ssh':
      return `ssh ${target.user}@${target.host}`;
    case 'nfs':
      return `nfs ${bracketed(target.server)}:${target.exported}`;
    case 'virtiofs':
      return `virtiofs ${target.tag}`;
  }
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** `value` is not empty. */
export function parseTarget(key: TargetKey, value: string, sshKey: string): Target | Wrong {
  switch (key) {
    case 'ssh':
      return parseSsh(value, sshKey);
    case 'nfs':
      return parseNfs(value);
    case 'virtiofs': {
      if (!/\s/.test(value)) return { kind: 'virtiofs', tag: value };
      return { what: `"${value}" is not one virtiofs tag`, hint: 'write "virtiofs TAG", nothing behind it' };
    }
    case 'raw': {
      const device = parseDevice(value);
      return isWrong(device) ? device : { kind: 'raw', device };
    }
    default: {
      const device = parseDevice(value);
      return isWrong(device) ? device : { kind: 'filesystem', fileSystem: key, device };
    }
  }
}

const deviceTags = ['UUID', 'LABEL', 'PARTUUID', 'PARTLABEL'] as const;

/** Quotes may stand anywhere, as in UUID="…". */
export function parseDevice(written: string): DeviceName | Wrong {
  const text = written.replaceAll('"', '');
  const [, tag, value] = /^([A-Za-z]+)=(.*)$/s.exec(text) ?? [];
  if (tag !== undefined && value !== undefined) {
    const by = deviceTags.find((name) => name === tag);
    if (by === undefined) {
      const meant = deviceTags.find((name) => name === tag.toUpperCase()) ?? 'UUID';
      return { what: `"${tag}=" does not name a device`, hint: `write ${meant}=${value || 'VALUE'}` };
    }
    if (value === '') return { what: `"${tag}=" names no device`, hint: 'lsblk -f shows what there is' };
    // Labels of file systems and partitions may have blanks in them; nothing else may.
    if (by.endsWith('LABEL') || !/\s/.test(value)) return { by, value };
    return { what: `"${value}" is more than one ${tag}`, hint: `write ${tag}=VALUE, nothing behind it` };
  }
  if (!text.startsWith('/')) {
    return {
      what: `"${text}" does not name a device`,
      hint: 'write its path, or UUID=, LABEL=, PARTUUID= or PARTLABEL= and its value',
    };
  }
  if (/\s/.test(text)) {
    return {
      what: `"${text}" is more than one device`,
      hint: 'write the device alone; mount options cannot be given',
    };
  }
  return { by: 'path', value: text };
}

const hostPattern = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/;
/** The host without brackets; undefined when it is none (a beginning - would be taken for an option). */
function parseHost(text: string): string | undefined {
  const address = /^\[(.*)\]$/.exec(text)?.[1];
  if (address !== undefined) return isIP(address.replace(/%.*$/, '')) === 6 ? address : undefined;
  return isIP(text) !== 0 || hostPattern.test(text) ? text : undefined;
}

function parseSsh(value: string, key: string): SshTarget | Wrong {
  const at = value.lastIndexOf('@');
  if (at < 0) return { what: `"${value}" names no user`, hint: 'write "ssh USER@HOST"' };
  const [user, hostText] = [value.slice(0, at), value.slice(at + 1)];
  if (!/^[^\s:/-][^\s:/]*$/.test(user)) {
    return { what: `"${user}" is not a user's name`, hint: 'write "ssh USER@HOST"' };
  }
  const host = parseHost(hostText);
  if (host === undefined) {
    return {
      what: `"${hostText}" is not a host's name or address`,
      hint: 'write "ssh USER@HOST"; the folder goes into "path"',
    };
  }
  return { kind: 'ssh', user, host, key };
}

function parseNfs(value: string): NfsTarget | Wrong {
  const [, serverText = '', exported = ''] = /^(\[.*?\]|[^:]*):(\/\S*)$/.exec(value) ?? [];
  const server = parseHost(serverText);
  if (server !== undefined) return { kind: 'nfs', server, exported };
  return {
    what: `"${value}" does not name an NFS export`,
    hint: 'write "nfs SERVER:/EXPORT", an IPv6 address in brackets',
  };
}

/** What dracut_args mounts: `--mount "DEVICE MOUNTPOINT TYPE [OPTIONS]"`; each is a target. */
export function parseDracutMount(value: string): Target | Wrong {
  const [what = '', , type = ''] = value.trim().split(/\s+/);
  const hint = 'write --mount "DEVICE MOUNTPOINT TYPE OPTIONS"';
  if (what === '' || type === '') return { what: `--mount "${value}" names no device and type`, hint };
  const key = type === 'nfs4' ? 'nfs' : type;
  if (!isTargetKey(key) || key === 'raw' || key === 'ssh') {
    return { what: `--mount: no dump is written to a file system of type "${type}"`, hint };
  }
  return parseTarget(key, what, defaultSshKey);
}
