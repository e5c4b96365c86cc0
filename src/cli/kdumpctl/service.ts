/** `vmcore kdumpctl start`, `stop`, `status`, `restart`, `reload` and `rebuild`. */
import { statSync } from 'node:fs';
import { Command } from 'commander';
import { ExitStatus } from '../../base/errors.ts';
import { formatSize } from '../../base/units.ts';
import {
  startHeadline,
  statusFields,
  statusHeadline,
  statusWarnings,
} from '../../tools/kdumpctl/service/describe.ts';
import type { WhenToLoad } from '../../tools/kdumpctl/service/loading.ts';
import { serviceOf, withService } from '../../tools/kdumpctl/service/service.ts';
import type { Started } from '../../tools/kdumpctl/service/start.ts';
import type { ServiceStatus } from '../../tools/kdumpctl/service/status.ts';
import { printFields, printJson, printText } from '../output.ts';
import { type FileOptions, serviceRequest, withFileOptions } from './options.ts';

// What builds images is large: each command loads only what it needs.
const starting = () => import('../../tools/kdumpctl/service/start.ts');
const loading = () => import('../../tools/kdumpctl/service/loading.ts');
const looking = () => import('../../tools/kdumpctl/service/status.ts');

interface Options extends FileOptions {
  readonly json?: true;
}

/** A command of the service: its options are the files and --json. */
const serviceCommand = (
  name: string,
  description: string,
  run: (options: Options) => Promise<void>,
): Command =>
  withFileOptions(new Command(name).description(description)).option('--json', 'as JSON').action(run);

const startCommandOf = (name: string, description: string, load: WhenToLoad): Command =>
  serviceCommand(name, description, async (options) =>
    printStarted(
      await withService(serviceRequest(options), async (service) => (await starting()).start(service, load)),
      options,
    ),
  );

export const startCommand = (): Command =>
  startCommandOf('start', 'arm the crash kernel, building its image when that is needed', 'when needed');

export const restartCommand = (): Command =>
  startCommandOf('restart', 'start, and load the crash kernel again whatever is loaded', 'always');

function printStarted(started: Started, { json }: Options): void {
  if (json) {
    printJson(started);
    return;
  }
  printText(`${startHeadline(started)}\n`);
  printStatus(started.status);
}

function printStatus(status: ServiceStatus): void {
  printFields(statusFields(status));
  printText(
    statusWarnings(status)
      .map((line) => `Warning: ${line}\n`)
      .join(''),
  );
}

export const stopCommand = (): Command =>
  serviceCommand('stop', 'unload the crash kernel', async (options) => {
    const was = await withService(serviceRequest(options), async (service) =>
      (await loading()).stop(service),
    );
    if (options.json) printJson({ wasArmed: was });
    else printText(was ? 'Kdump is off\n' : 'Kdump was off already\n');
  });

export const statusCommand = (): Command =>
  serviceCommand('status', 'what is armed: exit 3 when nothing is', async (options) => {
    const status = await (await looking()).serviceStatus(serviceOf(serviceRequest(options)));
    if (options.json) printJson(status);
    else {
      printText(`${statusHeadline(status)}\n`);
      printStatus(status);
    }
    if (!status.armed) process.exitCode = ExitStatus.notArmed;
  });

export const reloadCommand = (): Command =>
  serviceCommand('reload', 'load the crash kernel again, with the image that is there', async (options) => {
    const loaded = await withService(serviceRequest(options), async (service) =>
      (await loading()).reload(service),
    );
    const { kernel, image, commandLine, call } = loaded;
    if (options.json) printJson({ kernel, image, commandLine, call });
    else printText(`Loaded again: ${kernel} with ${image}, by ${call}\n`);
  });

export const rebuildCommand = (): Command =>
  serviceCommand('rebuild', 'build the capture image anew, and load nothing', async (options) => {
    const { path, release } = await withService(serviceRequest(options), async (service) =>
      (await starting()).rebuild(service),
    );
    const { size } = statSync(path);
    if (options.json) printJson({ path, size, release });
    else printText(`Built ${path}, ${formatSize(size)}; vmcore kdumpctl start loads it\n`);
  });
