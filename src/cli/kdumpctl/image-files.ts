/** `vmcore kdumpctl image-files`: what an initramfs of dracut or initramfs-tools needs of us, for their hooks. */
import { release } from 'node:os';
import { Command } from 'commander';
import { checkConfiguration } from '../../tools/kdumpctl/conf/check.ts';
import { isError, problemError } from '../../tools/kdumpctl/conf/problem.ts';
import { writeImageTree } from '../../tools/kdumpctl/image/image-tree.ts';
import { thisSystem } from '../../tools/kdumpctl/image/machine/live-system.ts';
import { planImage } from '../../tools/kdumpctl/image/plan-image.ts';
import { ownPrograms } from '../../tools/kdumpctl/image/programs.ts';
import { type FileOptions, filesFrom, serviceRequest, withFileOptions } from './options.ts';

interface Options extends FileOptions {
  readonly kernel: string;
}

export const imageFilesCommand = (): Command =>
  withFileOptions(
    new Command('image-files').description(
      'write what a capture image made by dracut or initramfs-tools needs to a new folder (docs/capture-image.md)',
    ),
  )
    .argument('<folder>', 'in the tree of the initramfs')
    .option('--kernel <release>', 'the capture kernel', release())
    .action(async (folder: string, options: Options) => {
      const { conf, problems } = checkConfiguration(filesFrom(options));
      const wrong = problems.find(isError);
      if (wrong !== undefined) throw problemError(wrong);
      const { runtime } = serviceRequest(options);
      const plan = await planImage({
        conf,
        confFile: options.config,
        kernel: { image: `/boot/vmlinuz-${options.kernel}`, moduleTree: `/lib/modules/${options.kernel}` },
        programs: ownPrograms(runtime.node),
        entry: runtime.entry,
        machine: thisSystem(),
        bringUp: 'generator',
      });
      for (const warning of plan.warnings) process.stderr.write(`${warning}\n`);
      await writeImageTree(plan, folder);
    });
