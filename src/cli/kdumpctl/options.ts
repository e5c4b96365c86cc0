/** What the commands of kdumpctl have in common: which files they read, and the service that they act on. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { CheckRequest } from '../../tools/kdumpctl/conf/check.ts';
import { placesBelow } from '../../tools/kdumpctl/service/places.ts';
import type { ServiceRequest } from '../../tools/kdumpctl/service/service.ts';

export const defaultConfig = '/etc/kdump.conf';
const defaultSysconfig = '/etc/sysconfig/kdump';

export interface FileOptions {
  readonly config: string;
  readonly sysconfig?: string;
}

export const withFileOptions = (command: Command): Command =>
  command
    .option('--config <file>', 'the configuration', defaultConfig)
    .option('--sysconfig <file>', `how the capture kernel is loaded (default: "${defaultSysconfig}")`);

/** A file that is named must be there; of sysconfig, there are defaults. */
export const filesFrom = ({ config, sysconfig }: FileOptions): CheckRequest => ({
  config,
  sysconfig:
    sysconfig === undefined
      ? { path: defaultSysconfig, ifMissing: 'defaults' }
      : { path: sysconfig, ifMissing: 'refuse' },
});

/** The service of this machine. */
export const serviceRequest = (options: FileOptions): ServiceRequest => ({
  files: filesFrom(options),
  places: placesBelow('/'),
  runtime: { node: process.execPath, entry: fileURLToPath(new URL('../capture.ts', import.meta.url)) },
  stderr: (line) => void process.stderr.write(`${line}\n`),
});
