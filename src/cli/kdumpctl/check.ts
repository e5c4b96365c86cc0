/** `vmcore kdumpctl check`: both configuration files, judged. */
import { Command } from 'commander';
import { ExitStatus } from '../../base/errors.ts';
import { type CheckResult, checkConfiguration } from '../../tools/kdumpctl/conf/check.ts';
import { problemLine } from '../../tools/kdumpctl/conf/problem.ts';
import { targetText } from '../../tools/kdumpctl/conf/target.ts';
import { printFields, printJson, printText } from '../output.ts';
import { type FileOptions, filesFrom, withFileOptions } from './options.ts';

interface CheckOptions extends FileOptions {
  readonly json?: true;
}

export const checkCommand = (): Command =>
  withFileOptions(
    new Command('check').description(
      'validate kdump.conf and sysconfig, and touch nothing: exit 1 when they cannot be used',
    ),
  )
    .option('--json', 'as JSON')
    .action((options: CheckOptions) => {
      const result = checkConfiguration(filesFrom(options));
      const { isUsable, ...found } = result;
      if (options.json) printJson({ usable: isUsable, ...found });
      else printCheck(result);
      if (!isUsable) process.exitCode = ExitStatus.failed;
    });

function printCheck({ conf, problems, isUsable }: CheckResult): void {
  printText(problems.map((problem) => `${problemLine(problem)}\n`).join(''));
  if (!isUsable) return;
  const { collector } = conf;
  const filtered = collector.kind === 'makedumpfile';
  printFields([
    ['Target', targetText(conf.target)],
    ['Path', conf.path],
    ['Dump', filtered ? `filtered at level ${collector.levels.join(', then ')}` : 'a copy of all memory'],
    ['On failure', conf.failureAction],
    ['In the end', conf.finalAction],
  ]);
}
