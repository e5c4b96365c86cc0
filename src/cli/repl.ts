/** `vmcore repl FILE`: JavaScript over a dump, with the library at hand. Lines come from the terminal, or from a pipe. */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type AsyncCompleter, createInterface } from 'node:readline';
import { type REPLEval, type REPLServer, Recoverable, start } from 'node:repl';
import { PassThrough } from 'node:stream';
import { inspect } from 'node:util';
import { runInContext } from 'node:vm';
import { Command } from 'commander';
import { harmless } from '../base/bytes.ts';
import { ExitStatus, VmcoreError } from '../base/errors.ts';
import { CrashDump } from '../library/crash-dump.ts';
import { programName, standardOutput } from './ending.ts';
import { addDumpOptions, crashedKernelOf, type DumpOptions, openDumpFile } from './open.ts';
import { replCompleter } from './repl-completion.ts';

/** What is in scope; `.help` and the greeting say so too. */
export const scopeOf = (dump: CrashDump): Readonly<Record<string, unknown>> => ({
  dump,
  kernel: dump.kernel,
  views: dump.views,
  tasks: () => dump.tasks(),
  task: (pid: number) => dump.task(pid),
  cpus: () => dump.cpus(),
  modules: () => dump.modules(),
  dmesg: () => dump.dmesg(),
  symbol: (name: string) => dump.kernel.symbol(name),
  symbolAt: (address: bigint) => dump.kernel.symbolAt(address),
  hex: (value: number | bigint) => `0x${value.toString(16)}`,
});

const greeting = (
  dump: CrashDump,
): string => `${harmless(dump.info.release ?? 'a kernel of unknown release')}: ${harmless(dump.info.panic ?? 'no panic message in its log')}
dump, kernel, views; tasks(), task(PID), cpus(), modules(), dmesg(); symbol(NAME), symbolAt(ADDRESS), hex(NUMBER)
kernel.var('init_task').comm; Tab completes variables, types and members; .exit or Ctrl-D ends
`;

export const replCommand = (): Command =>
  addDumpOptions(
    new Command('repl')
      .description('JavaScript over a dump, a line at a time: variables, tasks, lists, all views')
      .argument('<file...>', 'a dump, or all files of a split one: ELF, kdump-compressed, flattened'),
  ).action(async (files: readonly string[], options: DumpOptions) => {
    const dump = new CrashDump(openDumpFile(files, options), (opened) => crashedKernelOf(opened, options));
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    // What the kernel needs is missing: said before anything is typed.
    const scope = scopeOf(dump);
    if (isTerminal) standardOutput().write(greeting(dump));
    const server = startRepl(dump, scope, isTerminal);
    if (isTerminal) await keepHistory(server);
    await new Promise<void>((resolve) => server.once('exit', resolve));
    dump.close();
  });

function startRepl(
  dump: CrashDump,
  scope: Readonly<Record<string, unknown>>,
  isTerminal: boolean,
): REPLServer {
  const pipe = new PassThrough();
  const server = start({
    prompt: isTerminal ? 'vmcore> ' : '',
    terminal: isTerminal,
    input: isTerminal ? process.stdin : pipe,
    output: standardOutput(),
    ignoreUndefined: true,
    writer: (value: unknown) => show(dump, value, isTerminal),
    handleError: (error) => {
      if (isTerminal && !(error instanceof VmcoreError)) return 'print';
      process.stderr.write(`${programName}: ${errorText(error)}\n`);
      if (!isTerminal) process.exitCode = ExitStatus.failed;
      setImmediate(() => server.displayPrompt());
      return 'ignore';
    },
  });
  Object.assign(server.context, scope);
  const { completer } = server;
  const ours = replCompleter(dump.kernel, (expression) => runInContext(expression, server.context));
  const complete: AsyncCompleter = (line, answer) => {
    const found = ours.complete(line);
    if (found === undefined) completer?.call(server, line, answer);
    else answer(null, found);
  };
  Object.assign(server, { completer: complete });
  if (!isTerminal) feed(server, pipe);
  return server;
}

/** Errors of ours are a line, without the stack of our code. */
const errorText = (error: unknown): string =>
  error instanceof VmcoreError ? error.toLine() : harmless(`Uncaught ${String(error)}`);

/** A line at a time: Node's REPL takes the next line of a pipe while what the one before it awaits is still under way. */
function feed(server: REPLServer, pipe: PassThrough): void {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  let isUnfinished = false;
  const evaluate = server.eval;
  Object.assign(server, {
    eval: ((line, context, file, answer) =>
      evaluate.call(server, line, context, file, (error, result) => {
        isUnfinished = error instanceof Recoverable;
        answer(error, result);
      })) satisfies REPLEval,
  });
  const next = async (): Promise<void> => {
    const line = await lines.next();
    if (line.done !== true) {
      pipe.write(`${line.value}\n`);
      return;
    }
    if (isUnfinished) {
      process.stderr.write(`${programName}: the input ends within a statement [E_USAGE]\n`);
      process.exitCode = ExitStatus.usage;
    }
    pipe.end();
  };
  // What it does when it has done with a line.
  server.displayPrompt = () => void next();
  void next();
}

/** Smallest number that is shown as an address: the lowest of the kernel on arm64 with 52 bits, and above all that is counted. */
const lowestAddress = 0xfff0_0000_0000_0000n;

/** As Node shows it; a number that is an address of the kernel in hexadecimal, with the symbol that it is in. */
function show(dump: CrashDump, value: unknown, colors: boolean): string {
  if (typeof value !== 'bigint' || value < lowestAddress || value >= 1n << 64n) {
    const text = inspect(value, { colors, maxStringLength: null });
    // What is shown of the dump itself is text of its own, which has colours of nobody; line feeds are ours.
    return typeof value === 'object' && value !== null && '$type' in value ? harmlessLines(text) : text;
  }
  const place = dump.kernel.symbolAt(value);
  const symbol =
    place === undefined
      ? ''
      : ` // ${harmless(place.name)}+0x${place.offset.toString(16)}${place.module === undefined ? '' : ` [${harmless(place.module)}]`}`;
  return `0x${value.toString(16)}n${symbol}`;
}

const harmlessLines = (text: string): string => text.split('\n').map(harmless).join('\n');

/** $XDG_STATE_HOME/vmcore/repl_history, else ~/.local/state (XDG base directories), for nobody else: lines may hold what was in the dump. */
function keepHistory(server: REPLServer): Promise<void> {
  const state = process.env.XDG_STATE_HOME;
  const folder = join(
    state !== undefined && isAbsolute(state) ? state : join(homedir(), '.local', 'state'),
    'vmcore',
  );
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch {
    // A home that cannot be written to: a session without history.
    return Promise.resolve();
  }
  return new Promise((resolve) => server.setupHistory(join(folder, 'repl_history'), () => resolve()));
}
