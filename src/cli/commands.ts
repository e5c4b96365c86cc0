/** The commands that commander reads, and `vmcore --help` with all of them. */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { programName } from './ending.ts';
import { runProgram } from './program.ts';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  report: async () => (await import('./report.ts')).reportCommand(),
  info: async () => (await import('./info.ts')).infoCommand(),
  mod: async () => (await import('./mod.ts')).modCommand(),
  sys: async () => (await import('./sys.ts')).sysCommand(),
  slab: async () => (await import('./slab.ts')).slabCommand(),
  pages: async () => (await import('./pages.ts')).pagesCommand(),
  irq: async () => (await import('./irq.ts')).irqCommand(),
  mem: async () => (await import('./mem.ts')).memCommand(),
  repl: async () => (await import('./repl.ts')).replCommand(),
  sym: async () => (await import('./sym.ts')).symCommand(),
  rd: async () => (await import('./rd.ts')).rdCommand(),
  vtop: async () => (await import('./vtop.ts')).vtopCommand(),
  list: async () => (await import('./list.ts')).listCommand(),
  struct: async () => (await import('./struct.ts')).structCommand(),
  dmesg: async () => (await import('./dmesg.ts')).dmesgCommand(),
  bt: async () => (await import('./bt.ts')).btCommand(),
  ps: async () => (await import('./ps.ts')).psCommand(),
  files: async () => (await import('./files.ts')).filesCommand(),
  vm: async () => (await import('./vm.ts')).vmCommand(),
  runq: async () => (await import('./runq.ts')).runqCommand(),
  locks: async () => (await import('./locks.ts')).locksCommand(),
  mount: async () => (await import('./mount.ts')).mountCommand(),
  makedumpfile: async () => (await import('./makedumpfile/command.ts')).makedumpfileCommand(),
  kexec: async () => (await import('./kexec.ts')).kexecCommand(),
  kdumpctl: async () => (await import('./kdumpctl/command.ts')).kdumpctlCommand(),
  save: async () => (await import('./save.ts')).saveCommand(),
  convert: async () => (await import('./convert.ts')).convertCommand(),
  rehearse: async () => (await import('./rehearse.ts')).rehearseCommand(),
};

/** Runs a command line without node and script; sets process.exitCode. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  const program = new Command(programName)
    .description('The whole Linux kdump road: arm, capture, shrink and open a crash dump.')
    .version(packageJson.version);
  const [first] = args;
  if (first === undefined || first.startsWith('-') || first === 'help') {
    for (const load of Object.values(commands)) program.addCommand(await load());
    await runProgram(program, args);
    return;
  }
  // `vmcore FILE` is `vmcore report FILE`.
  const name = Object.hasOwn(commands, first) ? first : 'report';
  program.addCommand(await commands[name]!());
  await runProgram(program, name === first ? args : [name, ...args]);
}
