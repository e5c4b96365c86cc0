/** `vmcore kdumpctl install` and `uninstall`: the systemd units and the udev rule. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { type Installation, install, uninstall } from '../../tools/kdumpctl/service/install.ts';
import { serviceOf } from '../../tools/kdumpctl/service/service.ts';
import { printJson, printText } from '../output.ts';
import { defaultConfig, serviceRequest } from './options.ts';

interface Options {
  readonly root: string;
  readonly program: string;
  readonly json?: true;
}

const ownProgram = fileURLToPath(new URL('../../../bin/vmcore', import.meta.url));
const log = () => serviceOf(serviceRequest({ config: defaultConfig })).log;

const installationOf = ({ root, program }: Options): Installation => ({
  root: resolve(root),
  program: resolve(program),
});

export const installCommand = (): Command =>
  new Command('install')
    .description(
      'install and enable the systemd units and the udev rule, and a kdump.conf where there is none',
    )
    .option('--root <folder>', 'the machine, when it is not the running one', '/')
    .option('--program <file>', 'the program that the units call', ownProgram)
    .option('--json', 'as JSON')
    .action(async (options: Options) => {
      const made = await install(installationOf(options), log());
      if (options.json) printJson({ made });
      else {
        printText(made.map((path) => `${path}\n`).join(''));
        printText('kdump.service starts with the machine; now: systemctl start kdump.service\n');
      }
    });

export const uninstallCommand = (): Command =>
  new Command('uninstall')
    .description('remove what install has put there; kdump.conf and dumps stay')
    .option('--root <folder>', 'the machine, when it is not the running one', '/')
    .option('--json', 'as JSON')
    .action(async (options: Omit<Options, 'program'>) => {
      const removed = await uninstall({ root: resolve(options.root) }, log());
      if (options.json) printJson({ removed });
      else printText(removed.map((path) => `removed ${path}\n`).join(''));
    });
