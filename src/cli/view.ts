/** What all views of a dump have in common on the command line: a dump to look at, JSON or text, and a word on what is missing. */
import { Command, Option } from 'commander';
import { addDumpOptions, type DumpOptions } from './open.ts';
import { printJson, printMissing } from './output.ts';

export interface ViewOptions extends DumpOptions {
  readonly json?: true;
}

export interface ViewCommand {
  readonly name: string;
  readonly description: string;
  /** What is given: dumps, when nothing else is said. */
  readonly takes?: string;
  /** Its own, which are shown before those that all have. */
  readonly options?: readonly Option[];
  /** Of --json. */
  readonly json?: string;
}

/** A command with FILE..., --json and the options of every command that opens a dump. */
export const viewCommand = ({
  name,
  description,
  takes = 'a dump, or all files of a split one: ELF, kdump-compressed, flattened',
  options = [],
  json = 'as JSON',
}: ViewCommand): Command => {
  const command = new Command(name).description(description).argument('<file...>', takes);
  for (const option of [...options, new Option('--json', json)]) command.addOption(option);
  return addDumpOptions(command);
};

/** Prints a view as JSON, or by `print` and with what is missing on stderr. */
export function showView<View extends { readonly missing: readonly string[] }>(
  view: View,
  { json }: ViewOptions,
  print: () => void,
): void {
  if (json) {
    printJson(view);
    return;
  }
  print();
  printMissing(view.missing);
}
