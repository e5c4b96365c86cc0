/** `vmcore kdumpctl`: kdumpctl's commands, a file for what belongs together. */
import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { defaultCrashkernelCommand, showmemCommand } from './crashkernel.ts';
import { estimateCommand } from './estimate.ts';
import { imageFilesCommand } from './image-files.ts';
import { installCommand, uninstallCommand } from './install.ts';
import { propagateCommand } from './propagate.ts';
import { resetCrashkernelCommand } from './reset-crashkernel.ts';
import {
  rebuildCommand,
  reloadCommand,
  restartCommand,
  startCommand,
  statusCommand,
  stopCommand,
} from './service.ts';
import { testCommand } from './test.ts';

export const kdumpctlCommand = (): Command =>
  new Command('kdumpctl')
    .description('the kdump service: arm the crash kernel, see what is armed, check the configuration')
    .addCommand(startCommand())
    .addCommand(stopCommand())
    .addCommand(statusCommand())
    .addCommand(restartCommand())
    .addCommand(reloadCommand())
    .addCommand(rebuildCommand())
    .addCommand(propagateCommand())
    .addCommand(checkCommand())
    .addCommand(testCommand())
    .addCommand(estimateCommand())
    .addCommand(showmemCommand())
    .addCommand(defaultCrashkernelCommand())
    .addCommand(resetCrashkernelCommand())
    .addCommand(imageFilesCommand())
    .addCommand(installCommand())
    .addCommand(uninstallCommand());
