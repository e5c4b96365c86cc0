/** `vmcore makedumpfile`: makedumpfile's command line, for the options that this release has. */
import { Command, Option } from 'commander';
import { ExitStatus, VmcoreError } from '../base/errors.ts';
import { silentProgress } from '../base/progress.ts';
import { formatSize } from '../base/units.ts';
import { makeDumpFile } from '../tools/makedumpfile/dump-file.ts';
import { maxDumpLevel, parseDumpLevel } from '../tools/makedumpfile/dump-level.ts';
import type { MakedumpfileResult, OutputFormat } from '../tools/makedumpfile/job.ts';
import { chooseResources } from '../tools/makedumpfile/resources.ts';
import { addDumpOptions, type DumpOptions, openDumpFile } from './open.ts';
import { printJson, printText } from './output.ts';
import { terminalProgress } from './terminal-progress.ts';

interface MakedumpfileOptions extends DumpOptions {
  readonly c?: true;
  readonly z?: true;
  readonly E?: true;
  readonly d: string;
  readonly f?: true;
  readonly json?: true;
  readonly quiet?: true;
}

export const makedumpfileCommand = (): Command =>
  addDumpOptions(
    new Command('makedumpfile')
      .description('filter and compress a dump')
      .argument('<vmcore>', 'the dump to read: /proc/vmcore, an ELF vmcore, a kdump-compressed file')
      .argument('<dumpfile>', 'the file to write')
      .addOption(new Option('-c', 'compress each page with zlib').conflicts(['z', 'E']))
      .addOption(new Option('-z', 'compress each page with zstd').conflicts(['c', 'E']))
      .addOption(new Option('-E', 'write an ELF file'))
      .option(
        '-d <level>',
        'leave out: 1 zero, 2 cache, 4 cache with private data, 8 user, 16 free pages; the sum of them',
        '0',
      )
      .option('-f', 'write over an existing dump file')
      .option('-q, --quiet', 'no progress')
      .option('--json', 'tell the result as JSON'),
  )
    .addHelpText(
      'after',
      '\nWithout -c, -z or -E the output is kdump-compressed with its pages stored as they are.',
    )
    .action(run);

function outputFormat(options: MakedumpfileOptions): OutputFormat {
  if (options.E) return { kind: 'elf' };
  return { kind: 'kdump', codec: options.c ? 'zlib' : options.z ? 'zstd' : undefined };
}

async function run(input: string, output: string, options: MakedumpfileOptions): Promise<void> {
  const level = parseDumpLevel(options.d);
  if (level === undefined) {
    throw new VmcoreError('E_USAGE', `"${options.d}" is not a dump level`, {
      hint: `give -d a number from 0 to ${maxDumpLevel}`,
    });
  }
  const dump = openDumpFile(input, options);
  const terminal = options.quiet ? undefined : terminalProgress();
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  let result: MakedumpfileResult;
  try {
    result = await makeDumpFile({
      dump,
      paths: [output],
      ifExists: options.f ? 'overwrite' : 'refuse',
      level,
      format: outputFormat(options),
      resources: chooseResources({ threads: undefined, cyclicBuffer: undefined }),
      onFailure: 'keep-when-stopped',
      durability: 'cache',
      progress: terminal ?? silentProgress,
      abort: abort.signal,
    });
  } finally {
    terminal?.end();
  }
  if (result.lost > 0) process.exitCode = ExitStatus.incomplete;
  if (options.json) printJson({ output, level, ...result });
  else if (!options.quiet) printText(resultText(output, result));
}

function resultText(output: string, result: MakedumpfileResult): string {
  const count = (pages: number): string => pages.toLocaleString('en-US').padStart(12);
  const { excluded } = result;
  const lines: [string, number][] = [
    ['RAM', result.ram],
    ['free', excluded.free],
    ['cache', excluded.cache],
    ['cache with private data', excluded.cachePrivate],
    ['user data', excluded.user],
    ['hwpoison', excluded.hwpoison],
    ['offline', excluded.offline],
    ['zero', result.zero],
    ['written', result.written],
    ['lost', result.lost],
  ];
  const size = formatSize(result.written * result.pageSize);
  return `${lines.map(([name, pages]) => `${count(pages)}  ${name}\n`).join('')}${output}: ${size} of memory\n`;
}
