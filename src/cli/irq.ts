/** `vmcore irq FILE`: interrupts. */
import { type Command, Option } from 'commander';
import { type IrqInfo, type IrqList, listIrqs } from '../tools/crash/irq.ts';
import { openCrashedFile } from './open.ts';
import { printText } from './output.ts';
import { cpuList } from './sys.ts';
import { type Column, printTable } from './table.ts';
import { showView, type ViewOptions, viewCommand } from './view.ts';

interface IrqOptions extends ViewOptions {
  readonly all?: true;
}

export const irqCommand = (): Command =>
  viewCommand({
    name: 'irq',
    description: 'interrupts: what they come from, who handles them, how often they came',
    options: [new Option('--all', 'those too that nobody handles and that never came')],
    json: 'as JSON: all of them',
  }).action((files: readonly string[], options: IrqOptions) => {
    const list = listIrqs(openCrashedFile(files, options));
    showView(list, options, () => {
      const shown = list.irqs.filter((irq) => options.all || irq.actions.length > 0 || sum(irq.counts) > 0);
      printTable(
        columns(list),
        shown.map((irq) => cells(irq, list)),
      );
      const others = list.cpuInterrupts.filter(({ counts }) => options.all || sum(counts) > 0);
      if (others.length > 0) {
        printText('\n');
        printTable(
          [{ title: 'CPU' }, ...countColumns(list)],
          others.map(({ name, counts }) => [name, ...countCells(counts)]),
        );
      }
    });
  });

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

/** A column for each CPU, as long as they fit; else one for all. */
const maxCpus = 8;

const countColumns = ({ cpus }: IrqList): Column[] =>
  (cpus.length > maxCpus ? ['COUNT'] : cpus.map((cpu) => `CPU${cpu}`)).map((title) => ({
    title,
    align: 'right',
  }));

const countCells = (counts: readonly number[]): string[] =>
  counts.length > maxCpus ? [String(sum(counts))] : counts.map(String);

const columns = (list: IrqList): Column[] => [
  { title: 'IRQ', align: 'right' },
  ...countColumns(list),
  { title: 'CHIP' },
  { title: 'KIND' },
  { title: 'CPUS' },
  { title: 'HANDLERS' },
];

const cells = (irq: IrqInfo, { cpus }: IrqList): string[] => [
  String(irq.irq),
  ...countCells(irq.counts.length === 0 ? cpus.map(() => Number.NaN) : irq.counts),
  irq.chip ?? '-',
  `${irq.hwirq ?? '?'}-${irq.name ?? irq.flow ?? '?'}${irq.disabled ? ' (disabled)' : ''}`,
  irq.affinity === null ? '-' : cpuList(irq.affinity),
  irq.actions.map(({ name, handler }) => `${name} (${handler})`).join(', ') || '-',
];
