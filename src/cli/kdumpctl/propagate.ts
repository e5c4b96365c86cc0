/** `vmcore kdumpctl propagate`: our key to the ssh target. */
import { Command } from 'commander';
import { propagate } from '../../tools/kdumpctl/service/propagate.ts';
import { usableConfiguration, withService } from '../../tools/kdumpctl/service/service.ts';
import { printJson, printText } from '../output.ts';
import { type FileOptions, serviceRequest, withFileOptions } from './options.ts';

interface Options extends FileOptions {
  readonly json?: true;
}

export const propagateCommand = (): Command =>
  withFileOptions(
    new Command('propagate').description(
      'give the ssh target our key (sshkey), made when there is none: asks for the password',
    ),
  )
    .option('--json', 'as JSON')
    .action(async (options: Options) => {
      const done = await withService(serviceRequest(options), async (service) =>
        propagate(usableConfiguration(service).conf.target, service.files.config),
      );
      if (options.json) printJson(done);
      else printText(`${done.to} knows the key ${done.key}${done.made === 'new' ? ', which is new' : ''}\n`);
    });
