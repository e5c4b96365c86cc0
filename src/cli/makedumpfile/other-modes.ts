/** The modes of makedumpfile that do not filter: -R, -g, --reassemble, --dump-dmesg, --mem-usage, --vtop. */
import { ExitStatus, VmcoreError } from '../../base/errors.ts';
import { asPfn, asVaddr, hex } from '../../base/units.ts';
import { nativeCodecs } from '../../codecs/native.ts';
import { unflatten } from '../../formats/open.ts';
import { Kernel } from '../../kernel/kernel.ts';
import { FileSink } from '../../sys/file-sink.ts';
import { openFile } from '../../sys/file-source.ts';
import { standardInput } from '../../sys/standard-streams.ts';
import { dmesgText } from '../../tools/crash/log.ts';
import { crashKernels, parseIomem } from '../../tools/kexec/machine/iomem.ts';
import { KernelFiles } from '../../tools/kexec/machine/kernel-files.ts';
import { LimitedSink } from '../../tools/makedumpfile/limited-sink.ts';
import { memUsage, memUsageText } from '../../tools/makedumpfile/mem-usage.ts';
import type { Action, MakedumpfileLine } from '../../tools/makedumpfile/options.ts';
import { rearrange } from '../../tools/makedumpfile/rearrange.ts';
import { reassemble } from '../../tools/makedumpfile/reassemble.ts';
import { chooseResources } from '../../tools/makedumpfile/resources.ts';
import { translationText } from '../../tools/makedumpfile/vtop.ts';
import { printJson } from '../output.ts';
import type { Messages } from './messages.ts';
import { describeVmlinux, openVmcore } from './vmcore.ts';

type Of<Kind extends Action['kind']> = Extract<Action, { readonly kind: Kind }>;

/** Calls `write`; a file that it could not finish stays only when that is better than nothing. */
function writeFile<Result>(
  path: string,
  line: MakedumpfileLine,
  isWorthKeeping: (error: unknown) => boolean,
  write: (sink: FileSink) => Result,
): Result {
  const sink = new FileSink(path, line.ifExists);
  let result: Result;
  try {
    result = write(sink);
  } catch (error) {
    if (isWorthKeeping(error)) sink.keep();
    else sink.discard();
    throw error;
  }
  sink.finish('cache');
  return result;
}

const hasCode =
  (...codes: readonly string[]) =>
  (error: unknown): boolean =>
    error instanceof VmcoreError && codes.includes(error.code);

/** Written over an old one without asking, as the original does: it is made anew with every kernel. */
export async function generate(
  { output, vmlinux }: Of<'generate-vmcoreinfo'>,
  line: MakedumpfileLine,
  messages: Messages,
): Promise<ExitStatus> {
  const text = Buffer.from(await describeVmlinux(vmlinux), 'latin1');
  const overwrite = { ...line, ifExists: 'overwrite' } as const;
  writeFile(output, overwrite, hasCode(), (sink) => sink.write(0, text));
  if (line.json) printJson({ output, bytes: text.length });
  else messages.common(`\nThe vmcoreinfo is saved to ${output}.\n`);
  return ExitStatus.done;
}

export function rearrangeInput(
  { output }: Of<'rearrange'>,
  line: MakedumpfileLine,
  messages: Messages,
): ExitStatus {
  // A stream that broke off may never come again.
  const isWorthKeeping = hasCode('E_NO_SPACE', 'E_TRUNCATED');
  const bytes = writeFile(output, line, isWorthKeeping, (sink) => rearrange(standardInput, sink));
  if (line.json) printJson({ output, bytes });
  else messages.common(`\nThe dumpfile is saved to ${output}.\n`);
  return ExitStatus.done;
}

export function reassembleParts(
  { parts, output }: Of<'reassemble'>,
  line: MakedumpfileLine,
  messages: Messages,
): ExitStatus {
  const { cutShort } = line;
  const sources = parts.map((path) => unflatten(openFile(path), cutShort));
  const progress = messages.progress();
  const result = writeFile(output, line, hasCode('E_NO_SPACE'), (sink) => {
    try {
      return reassemble(sources, sink, { codecs: nativeCodecs(), cutShort }, progress);
    } finally {
      progress.end();
    }
  });
  if (line.json) printJson({ output, ...result });
  else messages.common(`\nThe dumpfile is saved to ${output}.\n`);
  if (result.lost === 0) return ExitStatus.done;
  messages.common(`${result.lost} pages are in none of the parts: the dump is marked incomplete.\n`);
  return ExitStatus.incomplete;
}

export async function dumpDmesg(
  action: Of<'dump-dmesg'>,
  line: MakedumpfileLine,
  messages: Messages,
): Promise<ExitStatus> {
  const { output, sizeLimit } = action;
  const kernel = new Kernel(await openVmcore(action.vmcore, action.kernel, line));
  // Who logged each record is shown since makedumpfile 1.7.4.
  const text = Buffer.from(dmesgText(kernel, { caller: true }, action.from), 'latin1');
  writeFile(output, line, hasCode('E_NO_SPACE'), (sink) => {
    (sizeLimit === undefined ? sink : new LimitedSink(sink, sizeLimit)).write(0, text);
  });
  if (line.json) printJson({ output, bytes: text.length });
  else messages.common(`\nThe dmesg log is saved to ${output}.\n`);
  return ExitStatus.done;
}

export async function showMemUsage(
  action: Of<'mem-usage'>,
  line: MakedumpfileLine,
  messages: Messages,
): Promise<ExitStatus> {
  const dump = await openVmcore(action.memory, action.kernel, line);
  const { pageSize } = dump.memory;
  const ranges =
    dump.format === 'kcore' ? crashKernels(parseIomem(new KernelFiles().text('proc/iomem'))) : [];
  const progress = messages.progress();
  const usage = memUsage({
    dump,
    reserved: ranges.map(({ start, end }) => ({
      start: asPfn(Math.ceil(start / pageSize)),
      end: asPfn(Math.floor(end / pageSize)),
    })),
    bitmapBytes: chooseResources({ threads: 1, cyclicBuffer: undefined }).bitmapBytes,
    progress,
  });
  progress.end();
  if (line.json) printJson(usage);
  else messages.common(memUsageText(usage));
  return ExitStatus.done;
}

export async function showTranslation(
  { vmcore, address, kernel: source }: Of<'vtop'>,
  line: MakedumpfileLine,
  messages: Messages,
): Promise<ExitStatus> {
  const kernel = new Kernel(await openVmcore(vmcore, source, line));
  if (line.json) {
    const mapping = kernel.tryTranslate(asVaddr(address));
    printJson({ virtual: hex(address), physical: mapping === undefined ? null : hex(mapping.paddr) });
  } else messages.common(translationText(kernel, address));
  return ExitStatus.done;
}
