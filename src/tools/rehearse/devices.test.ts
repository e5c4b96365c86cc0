import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram } from '../../sys/programs.ts';
import { busyboxStatic } from '../kdumpctl/image/programs.ts';
import { diskArguments, type GuestDisk, networkArguments } from './devices.ts';

const disk = (
  file: string,
  bus: GuestDisk['bus'],
  access: GuestDisk['access'] = 'read-write',
): GuestDisk => ({
  file,
  bus,
  access,
});

test('disks keep their order, each on its bus, and one controller serves all of a bus', () => {
  const text = diskArguments([
    disk('/a', 'virtio'),
    disk('/b', 'ahci'),
    disk('/c', 'ahci', 'read-only'),
    disk('/d', 'nvme'),
    disk('/e', 'virtio-scsi'),
  ]).join(' ');
  assert.equal(text.match(/-device ahci,/g)?.length, 1);
  assert.equal(text.match(/-device virtio-scsi-pci,/g)?.length, 1);
  const devices = [...text.matchAll(/-device (\S+drive=\S+)/g)].map(([, device]) => device);
  assert.deepEqual(devices, [
    'virtio-blk-pci,drive=disk0',
    'ide-hd,drive=disk1,bus=ahci.0',
    'ide-hd,drive=disk2,bus=ahci.1',
    'nvme,drive=disk3,serial=disk3',
    'scsi-hd,drive=disk4,bus=scsi.0',
  ]);
  assert.equal(text.match(/readonly=on/g)?.length, 1);
  assert.match(text, /file=\/c,[^ ]*readonly=on/);
});

test('a comma in a file name does not end it', () => {
  assert.match(diskArguments([disk('/a,b', 'virtio')]).join(' '), /file=\/a,,b,id=/);
});

test('no network unless one is asked for', () => {
  assert.deepEqual(networkArguments(undefined), ['-net', 'none']);
});

test('a network reaches nothing but its servers', {
  skip: findProgram(busyboxStatic.name) === undefined ? 'needs busybox' : false,
}, () => {
  const text = networkArguments({
    card: 'e1000',
    mac: '52:54:00:00:00:01',
    servers: [{ address: '10.0.2.100', port: 22, hostPort: 40022 }],
  }).join(' ');
  assert.match(text, /user,id=net0,restrict=on,guestfwd=tcp:10\.0\.2\.100:22-cmd:\S+ nc 127\.0\.0\.1 40022/);
  assert.match(text, /-device e1000,netdev=net0,mac=52:54:00:00:00:01,/);
});
