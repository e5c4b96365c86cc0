/** The commands that commander reads, and `vmcore --help` with all of them. */
import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { programName } from './ending.ts';
import { runProgram } from './program.ts';

type Load = () => Promise<Command>;

/** By what they are about, as --help shows them. */
const groups: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'What happened:': {
    report: async () => (await import('./report.ts')).reportCommand(),
    info: async () => (await import('./info.ts')).infoCommand(),
    dmesg: async () => (await import('./dmesg.ts')).dmesgCommand(),
    bt: async () => (await import('./bt.ts')).btCommand(),
    sys: async () => (await import('./sys.ts')).sysCommand(),
  },
  'Tasks:': {
    ps: async () => (await import('./ps.ts')).psCommand(),
    files: async () => (await import('./files.ts')).filesCommand(),
    vm: async () => (await import('./vm.ts')).vmCommand(),
    mount: async () => (await import('./mount.ts')).mountCommand(),
    runq: async () => (await import('./runq.ts')).runqCommand(),
    locks: async () => (await import('./locks.ts')).locksCommand(),
  },
  'Memory and devices:': {
    mem: async () => (await import('./mem.ts')).memCommand(),
    slab: async () => (await import('./slab.ts')).slabCommand(),
    pages: async () => (await import('./pages.ts')).pagesCommand(),
    mod: async () => (await import('./mod.ts')).modCommand(),
    irq: async () => (await import('./irq.ts')).irqCommand(),
  },
  'Symbols and types:': {
    struct: async () => (await import('./struct.ts')).structCommand(),
    sym: async () => (await import('./sym.ts')).symCommand(),
    rd: async () => (await import('./rd.ts')).rdCommand(),
    vtop: async () => (await import('./vtop.ts')).vtopCommand(),
    list: async () => (await import('./list.ts')).listCommand(),
    repl: async () => (await import('./repl.ts')).replCommand(),
  },
  'Dumps:': {
    makedumpfile: async () => (await import('./makedumpfile/command.ts')).makedumpfileCommand(),
    convert: async () => (await import('./convert.ts')).convertCommand(),
  },
  'Crash kernel:': {
    kdumpctl: async () => (await import('./kdumpctl/command.ts')).kdumpctlCommand(),
    kexec: async () => (await import('./kexec.ts')).kexecCommand(),
    save: async () => (await import('./save-command.ts')).saveCommand(),
    rehearse: async () => (await import('./rehearse.ts')).rehearseCommand(),
  },
};

const commands = Object.fromEntries(
  Object.entries(groups).flatMap(([heading, members]) =>
    Object.entries(members).map(([name, load]): [string, Load] => [
      name,
      async () => (await load()).helpGroup(heading),
    ]),
  ),
);

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
