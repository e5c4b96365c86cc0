/**
 * A machine for tests of the capture image: folders that look like its /proc, /sys, /dev and /etc, and what its programs would say.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { TestContext } from 'node:test';
import type { LiveSystem } from '../../src/tools/kdumpctl/image/machine/live-system.ts';

/** One folder below /sys/devices that has a driver. */
export interface RecordedDevice {
  readonly path: string;
  /** `pci/virtio-pci`: bus and driver. */
  readonly driver: string;
  /** Undefined: built in. */
  readonly module?: string;
  readonly modalias?: string;
}

export interface RecordedBlock {
  readonly name: string;
  /** Below /sys/devices. */
  readonly path: string;
  readonly number: string;
  /** Attributes, by their path below the device's folder. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface Recording {
  readonly devices?: readonly RecordedDevice[];
  readonly blocks?: readonly RecordedBlock[];
  /** Name to folder below /sys/devices; one that ends in /net/NAME has the folder above as its device. */
  readonly cards?: Readonly<Record<string, string>>;
  readonly mounts?: readonly string[];
  /** Path to text. */
  readonly files?: Readonly<Record<string, string>>;
  /** Path to what it leads to. */
  readonly links?: Readonly<Record<string, string>>;
  /** `findfs UUID=…` to what it prints; a command that is not there ends with status 2. */
  readonly says?: Readonly<Record<string, string>>;
}

export function recordedMachine(context: TestContext, recording: Recording): LiveSystem {
  const root = mkdtempSync(join(tmpdir(), 'vmcore-machine-'));
  context.after(() => rmSync(root, { recursive: true }));
  const file = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const link = (path: string, to: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    mkdirSync(join(root, to), { recursive: true });
    symlinkSync(relative(dirname(path), to), join(root, path));
  };
  for (const { path, driver, module, modalias } of recording.devices ?? []) {
    const [bus, name] = driver.split('/');
    const place = `sys/bus/${bus}/drivers/${name}`;
    link(`sys/devices/${path}/driver`, place);
    if (modalias !== undefined) file(`sys/devices/${path}/modalias`, `${modalias}\n`);
    if (module === undefined) continue;
    try {
      link(`${place}/module`, `sys/module/${module}`);
    } catch {
      // Several devices have the same driver.
    }
  }
  for (const { name, path, number, attributes } of recording.blocks ?? []) {
    file(`sys/devices/${path}/dev`, `${number}\n`);
    link(`sys/class/block/${name}`, `sys/devices/${path}`);
    link(`sys/dev/block/${number}`, `sys/devices/${path}`);
    file(`dev/${name}`, '');
    for (const [attribute, value] of Object.entries(attributes ?? {})) {
      file(`sys/devices/${path}/${attribute}`, `${value}\n`);
    }
  }
  for (const [name, path] of Object.entries(recording.cards ?? {})) {
    link(`sys/class/net/${name}`, `sys/devices/${path}`);
    if (!path.startsWith('virtual/'))
      link(`sys/devices/${path}/device`, `sys/devices/${dirname(dirname(path))}`);
  }
  file('proc/self/mountinfo', (recording.mounts ?? []).map((line) => `${line}\n`).join(''));
  for (const [path, text] of Object.entries(recording.files ?? {})) file(path, text);
  for (const [path, to] of Object.entries(recording.links ?? {})) link(path, to);
  return {
    root,
    run: ({ name }, args) => {
      const said = recording.says?.[[name, ...args].join(' ').replaceAll(root, '')];
      return Promise.resolve({
        status: said === undefined ? 2 : 0,
        stdout: Buffer.from(said ?? ''),
        stderr: '',
      });
    },
  };
}
