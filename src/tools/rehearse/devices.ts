/**
 * The disks and the network card that a rehearsal's machine can have: QEMU's options for them, and the drivers that a kernel needs for them.
 *
 * The network is QEMU's own (user mode, slirp): the machine is 10.0.2.15/24, and with `restrict=on` it reaches nothing but the servers that it
 * was given, each an address in that network behind which a port of this machine's loopback answers. Source: qemu(1), -netdev user.
 */
import { requireProgram } from '../../sys/programs.ts';
import { busyboxStatic } from '../kdumpctl/image/programs.ts';

export type DiskBus = 'virtio' | 'virtio-scsi' | 'ahci' | 'nvme';

export interface GuestDisk {
  /** A raw image. */
  readonly file: string;
  readonly bus: DiskBus;
  readonly access: 'read-write' | 'read-only';
}

export type NetworkCard = 'virtio-net' | 'e1000' | 'e1000e';

/** A server on this machine's loopback that the machine in QEMU sees at an address of its own network. */
export interface GuestServer {
  /** In 10.0.2.0/24, and not one of .2, .3 and .15, which are taken; see `serverAddress`. */
  readonly address: string;
  readonly port: number;
  /** Its port on 127.0.0.1. */
  readonly hostPort: number;
}

export interface GuestNetwork {
  readonly card: NetworkCard;
  /** Such as 52:54:00:12:34:56. */
  readonly mac: string;
  readonly servers: readonly GuestServer[];
}

/** What a machine in QEMU's own network is called, unless it asks (DHCP) for the same. */
export const guestAddress = '10.0.2.15';
export const guestGateway = '10.0.2.2';
/** Where a server is when nothing else is asked for. */
export const serverAddress = '10.0.2.100';

/** The modules of each bus with those of its disks. */
export const busModules: Readonly<Record<DiskBus, readonly string[]>> = {
  virtio: ['virtio_pci', 'virtio_blk'],
  'virtio-scsi': ['virtio_pci', 'virtio_scsi', 'sd_mod'],
  ahci: ['ahci', 'sd_mod'],
  nvme: ['nvme'],
};

export const cardModules: Readonly<Record<NetworkCard, readonly string[]>> = {
  'virtio-net': ['virtio_pci', 'virtio_net'],
  e1000: ['e1000'],
  e1000e: ['e1000e'],
};

/** A comma in a value would end QEMU's option, and is doubled. */
export const inOption = (text: string): string => text.replaceAll(',', ',,');

/** In their order, which is that of their names (/dev/vda, /dev/vdb, …) where they share a bus. */
export function diskArguments(disks: readonly GuestDisk[]): string[] {
  const controllers = new Set(disks.map(({ bus }) => bus));
  return [
    ...(controllers.has('ahci') ? ['-device', 'ahci,id=ahci'] : []),
    ...(controllers.has('virtio-scsi') ? ['-device', 'virtio-scsi-pci,id=scsi'] : []),
    ...disks.flatMap((disk, index) => {
      const id = `disk${index}`;
      // The host does not crash in the middle of this, so its cache need not be flushed for the guest's fsync.
      // A full host file system is an I/O error for the guest, not a pause for ever.
      const drive = [
        ...[
          `file=${inOption(disk.file)}`,
          `id=${id}`,
          'if=none',
          'format=raw',
          'cache=unsafe',
          'werror=report',
        ],
        ...(disk.access === 'read-only' ? ['readonly=on'] : []),
      ];
      const nth = disks.slice(0, index).filter(({ bus }) => bus === disk.bus).length;
      return ['-drive', drive.join(','), '-device', deviceOf(disk.bus, id, nth)];
    }),
  ];
}

function deviceOf(bus: DiskBus, drive: string, nth: number): string {
  switch (bus) {
    case 'virtio':
      return `virtio-blk-pci,drive=${drive}`;
    case 'virtio-scsi':
      return `scsi-hd,drive=${drive},bus=scsi.0`;
    case 'ahci':
      return `ide-hd,drive=${drive},bus=ahci.${nth}`;
    case 'nvme':
      return `nvme,drive=${drive},serial=${drive}`;
  }
}

const qemuCard: Readonly<Record<NetworkCard, string>> = {
  'virtio-net': 'virtio-net-pci',
  e1000: 'e1000',
  e1000e: 'e1000e',
};

/** E_NEEDS without busybox, which carries each connection to a server: QEMU itself would connect once only, before there is anybody. */
export function networkArguments(network: GuestNetwork | undefined): string[] {
  if (network === undefined) return ['-net', 'none'];
  const servers = network.servers.map(({ address, port, hostPort }) => {
    const relay = `${requireProgram(busyboxStatic)} nc 127.0.0.1 ${hostPort}`;
    return `guestfwd=tcp:${address}:${port}-cmd:${inOption(relay)}`;
  });
  return [
    '-netdev',
    ['user', 'id=net0', 'restrict=on', ...servers].join(','),
    '-device',
    // Without its boot ROM, which is another package.
    `${qemuCard[network.card]},netdev=net0,mac=${network.mac},romfile=`,
  ];
}
