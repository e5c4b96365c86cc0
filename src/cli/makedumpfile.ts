/**
 * `vmcore makedumpfile`: makedumpfile's command line, and the same under its own name (bin/makedumpfile).
 *
 * Options are read as the original reads them (getopt_long: `-ld31`, `--message 7`), not by commander, so that scripts keep working; without
 * it, a dump also starts 20 ms sooner. Under its own name it ends with the
 * original's exit statuses, 0, 1 or 2; as a command of vmcore with those of docs/commands.md.
 */
import { ExitStatus, VmcoreError } from '../base/errors.ts';
import { type MakedumpfileLine, Message, parseMakedumpfileLine } from '../tools/makedumpfile/options.ts';
import { standardOutput } from './ending.ts';
import { Messages } from './makedumpfile/messages.ts';
import { printText } from './output.ts';

/** The first word bin/makedumpfile adds. */
const dropInMark = '--drop-in';

/** Returns the exit status; throws what has to be told. */
export const runMakedumpfile = async (words: readonly string[]): Promise<ExitStatus> =>
  words[0] === dropInMark ? await runDropIn(words.slice(1)) : await runCommand(words);

async function runCommand(words: readonly string[]): Promise<ExitStatus> {
  const line = parseMakedumpfileLine(words);
  try {
    return await perform(line, messagesOf(line));
  } catch (error) {
    if (error instanceof VmcoreError && (line.messages & Message.error) === 0) return error.exitStatus;
    throw error;
  }
}

/** Statuses of makedumpfile(8): 0 succeeded, 1 failed (an incomplete dump too), 2 the vmlinux or vmcoreinfo is of another kernel. */
async function runDropIn(words: readonly string[]): Promise<0 | 1 | 2> {
  let line: MakedumpfileLine | undefined;
  try {
    line = parseMakedumpfileLine(words);
    const messages = messagesOf(line);
    const status = await perform(line, messages);
    const isTask = !line.checkOnly && !quietKinds.has(line.action.kind) && !line.json;
    if (isTask)
      messages.common(
        status === ExitStatus.done ? '\nmakedumpfile Completed.\n' : '\nmakedumpfile Failed.\n',
      );
    return status === ExitStatus.done ? 0 : 1;
  } catch (error) {
    if (!(error instanceof VmcoreError)) throw error;
    if (((line?.messages ?? Message.error) & Message.error) !== 0) {
      process.stderr.write(`makedumpfile: ${error.toLine()}\n`);
    }
    if (line !== undefined && !line.checkOnly && !line.json)
      messagesOf(line).common('\nmakedumpfile Failed.\n');
    return line !== undefined && isOtherKernel(error, line) ? 2 : 1;
  }
}

function isOtherKernel(error: VmcoreError, { action }: MakedumpfileLine): boolean {
  if (error.code !== 'E_USAGE' || !('kernel' in action) || action.kernel.kind === 'vmcore') return false;
  return error.file === action.kernel.path;
}

/** They end without a word about how it went, as the original's. */
const quietKinds: ReadonlySet<string> = new Set(['help', 'version', 'mem-usage']);

function messagesOf(line: MakedumpfileLine): Messages {
  const { action } = line;
  const toStderr = action.kind === 'create' && action.destination.kind === 'flattened';
  const level = line.json ? line.messages & ~(Message.common | Message.report) : line.messages;
  return new Messages(level, toStderr ? () => process.stderr : standardOutput);
}

async function perform(line: MakedumpfileLine, messages: Messages): Promise<ExitStatus> {
  const { action } = line;
  if (action.kind === 'help' || action.kind === 'version') {
    const { helpText, versionText } = await import('./makedumpfile/help.ts');
    return show(action.kind === 'help' ? helpText : versionText());
  }
  if (line.checkOnly) return ExitStatus.done;
  if (action.kind === 'create') {
    const { create } = await import('./makedumpfile/create.ts');
    return await create(action, line, messages);
  }
  const modes = await import('./makedumpfile/other-modes.ts');
  switch (action.kind) {
    case 'rearrange':
      return modes.rearrangeInput(action, line, messages);
    case 'reassemble':
      return modes.reassembleParts(action, line, messages);
    case 'dump-dmesg':
      return await modes.dumpDmesg(action, line, messages);
    case 'mem-usage':
      return await modes.showMemUsage(action, line, messages);
    case 'vtop':
      return await modes.showTranslation(action, line, messages);
    case 'generate-vmcoreinfo':
      return await modes.generate(action, line, messages);
  }
}

function show(text: string): ExitStatus {
  printText(text);
  return ExitStatus.done;
}
