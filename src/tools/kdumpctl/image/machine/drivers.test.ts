import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { failsWith } from '../../../../../test/support/expect-error.ts';
import { type RecordedDevice, recordedMachine } from '../../../../../test/support/recorded-machine.ts';
import type { KernelModule, ModuleIndex } from '../modules.ts';
import { driversOf } from './drivers.ts';
import { watchdogsOf } from './watchdogs.ts';

/** An index with modules of these names (and folder of the tree), and what devices they say they drive. */
function indexOf(
  modules: Readonly<Record<string, string>>,
  { builtin = [], folder = 'drivers' }: { builtin?: string[]; folder?: string } = {},
): ModuleIndex {
  const patterns = new Map<string, { pattern: string; module: string }[]>();
  for (const [module, pattern] of Object.entries(modules)) {
    if (pattern === '') continue;
    const bus = pattern.slice(0, pattern.indexOf(':'));
    patterns.set(bus, [...(patterns.get(bus) ?? []), { pattern, module }]);
  }
  return {
    release: '6.1.0-test',
    modules: new Map(
      Object.keys(modules).map((name): [string, KernelModule] => [
        name,
        { name, path: `kernel/${folder}/${name}.ko`, depends: [] },
      ]),
    ),
    builtin: new Set(builtin),
    softPre: new Map(),
    aliases: new Map(),
    patterns,
  };
}

// As Linux 6.1 on QEMU's q35 shows them.
const scsi: readonly RecordedDevice[] = [
  {
    path: 'pci0000:00/0000:00:03.0',
    driver: 'pci/virtio-pci',
    module: 'virtio_pci',
    modalias: 'pci:v00001AF4d00001004sv00001AF4sd00000008bc01sc00i00',
  },
  {
    path: 'pci0000:00/0000:00:03.0/virtio1',
    driver: 'virtio/virtio_scsi',
    module: 'virtio_scsi',
    modalias: 'virtio:d00000008v00001AF4',
  },
  {
    path: 'pci0000:00/0000:00:03.0/virtio1/host0/target0:0:0/0:0:0:0',
    driver: 'scsi/sd',
    module: 'sd_mod',
    modalias: 'scsi:t-0x00',
  },
];
const scsiDisk = 'pci0000:00/0000:00:03.0/virtio1/host0/target0:0:0/0:0:0:0/block/sda';
const scsiModules = {
  virtio_pci: 'pci:v00001AF4d*sv*sd*bc*sc*i*',
  virtio_scsi: 'virtio:d00000008v*',
  sd_mod: 'scsi:t-0x00*',
};

test('a disk needs its own driver and those of all it hangs on, the bus first', (context) => {
  const machine = recordedMachine(context, {
    devices: scsi,
    blocks: [{ name: 'sda', path: scsiDisk, number: '8:0' }],
  });
  assert.deepEqual(
    driversOf({ index: indexOf(scsiModules), isRunning: true }, join(machine.root, 'sys/devices', scsiDisk)),
    ['virtio_pci', 'virtio_scsi', 'sd_mod'],
  );
});

test('another kernel has as modules what the running one has built in, found by modalias', (context) => {
  const machine = recordedMachine(context, {
    devices: scsi.map(({ module: _, ...device }) => device),
    blocks: [{ name: 'sda', path: scsiDisk, number: '8:0' }],
  });
  const device = join(machine.root, 'sys/devices', scsiDisk);
  const index = indexOf(scsiModules);
  assert.deepEqual(driversOf({ index, isRunning: false }, device), ['virtio_pci', 'virtio_scsi', 'sd_mod']);
  assert.deepEqual(driversOf({ index, isRunning: true }, device), []);
});

test('a bridge that works without a module brings none along', (context) => {
  const bridge: RecordedDevice = {
    path: 'pci0000:00/0000:00:04.0',
    driver: 'pci/pcieport',
    modalias: 'pci:v00001B36d0000000Csv00001B36sd00000000bc06sc04i00',
  };
  const nvme: RecordedDevice = {
    path: 'pci0000:00/0000:00:04.0/0000:01:00.0',
    driver: 'pci/nvme',
    module: 'nvme',
    modalias: 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02',
  };
  const disk = 'pci0000:00/0000:00:04.0/0000:01:00.0/nvme/nvme0/nvme0n1';
  const machine = recordedMachine(context, {
    devices: [bridge, nvme],
    blocks: [{ name: 'nvme0n1', path: disk, number: '259:0' }],
  });
  const index = indexOf({ nvme: 'pci:v*d*sv*sd*bc01sc08i02*', shpchp: 'pci:v*d*sv*sd*bc06sc04i00*' });
  assert.deepEqual(driversOf({ index, isRunning: true }, join(machine.root, 'sys/devices', disk)), ['nvme']);
});

test('an NVMe disk of a subsystem leads to its controllers', (context) => {
  const controller = 'pci0000:00/0000:01:00.0';
  const disk = 'virtual/nvme-subsystem/nvme-subsys0/nvme0n1';
  const machine = recordedMachine(context, {
    devices: [{ path: controller, driver: 'pci/nvme', module: 'nvme' }],
    blocks: [{ name: 'nvme0n1', path: disk, number: '259:0' }],
    links: {
      'sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0': `sys/devices/${controller}/nvme/nvme0`,
    },
  });
  const kernel = { index: indexOf({ nvme: '' }), isRunning: true };
  assert.deepEqual(driversOf(kernel, join(machine.root, 'sys/devices', disk)), ['nvme']);
});

test('what a device is supplied by comes before it', (context) => {
  const card = 'platform/soc/a.mmc';
  const machine = recordedMachine(context, {
    devices: [
      { path: card, driver: 'platform/sdhci', module: 'sdhci_platform' },
      { path: 'platform/soc/b.regulator', driver: 'platform/reg', module: 'fixed' },
    ],
    links: {
      [`sys/devices/${card}/supplier:platform:b.regulator`]:
        'sys/devices/virtual/devlink/platform:b.regulator--a.mmc',
      'sys/devices/virtual/devlink/platform:b.regulator--a.mmc/supplier':
        'sys/devices/platform/soc/b.regulator',
    },
  });
  const kernel = { index: indexOf({ fixed: '', sdhci_platform: '' }), isRunning: true };
  assert.deepEqual(driversOf(kernel, join(machine.root, 'sys/devices', card)), ['fixed', 'sdhci_platform']);
});

test('a driver that the capture kernel lacks is told', (context) => {
  const machine = recordedMachine(context, {
    devices: [{ path: 'pci0/x', driver: 'pci/new', module: 'new_disk' }],
  });
  assert.throws(
    () => driversOf({ index: indexOf({}), isRunning: false }, join(machine.root, 'sys/devices/pci0/x')),
    failsWith('E_NEEDS', /kernel 6.1.0-test has no module new_disk/),
  );
});

test('watchdogs that run are driven on, the software one is not', (context) => {
  const machine = recordedMachine(context, {
    devices: [
      { path: 'pci0/smbus', driver: 'pci/i801_smbus', module: 'i2c_i801' },
      { path: 'pci0/smbus/iTCO_wdt', driver: 'platform/iTCO_wdt', module: 'iTCO_wdt' },
      { path: 'pci0/idle', driver: 'pci/hpwdt', module: 'hpwdt' },
    ],
    files: {
      'sys/class/watchdog/watchdog0/state': 'active\n',
      'sys/class/watchdog/watchdog1/state': 'inactive\n',
      'sys/class/watchdog/watchdog2/timeout': '30\n',
      'sys/module/softdog/x': '',
      'sys/module/i6300esb/x': '',
    },
    links: {
      'sys/class/watchdog/watchdog0/device': 'sys/devices/pci0/smbus/iTCO_wdt',
      'sys/class/watchdog/watchdog1/device': 'sys/devices/pci0/idle',
    },
  });
  const tree = indexOf({ i2c_i801: '', iTCO_wdt: '' });
  const watchdogs = indexOf({ softdog: '', i6300esb: '' }, { folder: 'drivers/watchdog' });
  const index = { ...tree, modules: new Map([...tree.modules, ...watchdogs.modules]) };
  assert.deepEqual(watchdogsOf(machine, { index, isRunning: true }), {
    drivers: ['iTCO_wdt', 'i6300esb'],
    modules: ['i2c_i801', 'iTCO_wdt', 'i6300esb'],
  });
});
