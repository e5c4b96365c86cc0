/** --filter and --config of a makedumpfile command line: what they want, and what of it cannot be had. */
import { unpackWhole } from '../../codecs/native-inflate.ts';
import type { Dump } from '../../formats/dump.ts';
import { openElfSections } from '../../formats/elf-sections.ts';
import { Dwarf } from '../../kernel/types/dwarf.ts';
import { openFile } from '../../sys/file-source.ts';
import type { FilterPlan } from '../../tools/makedumpfile/filters/plan.ts';
import { planFilters } from '../../tools/makedumpfile/filters/plan-filters.ts';
import type { CreateAction } from '../../tools/makedumpfile/options.ts';
import type { Messages } from './messages.ts';

/** Remarks beyond these are only counted. */
const shownRemarks = 20;

/** Before any output is made. Undefined without filters. */
export async function filtersOf(
  { filters, kernel }: CreateAction,
  dump: Dump,
  messages: Messages,
): Promise<FilterPlan | undefined> {
  const { modules, eraseConfig } = filters;
  const config = eraseConfig === undefined ? undefined : openFile(eraseConfig);
  try {
    const plan = await planFilters({ modules, eraseConfig: config }, dump, (wanted) => {
      if (kernel.kind !== 'vmlinux') return undefined;
      const dwarf = new Dwarf(openElfSections(openFile(kernel.path), unpackWhole));
      dwarf.prepare(wanted);
      return dwarf;
    });
    if (plan !== undefined) printRemarks(plan, messages);
    return plan;
  } finally {
    config?.close();
  }
}

function printRemarks({ remarks }: FilterPlan, messages: Messages): void {
  for (const remark of remarks.slice(0, shownRemarks)) messages.common(`${remark}\n`);
  const more = remarks.length - shownRemarks;
  if (more > 0) messages.common(`and ${more} more like these; --json has them all\n`);
}
