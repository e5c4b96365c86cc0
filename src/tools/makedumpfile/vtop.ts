/** makedumpfile --vtop: where a kernel virtual address lies, in the lines of the original. */
import { asVaddr, hex } from '../../base/units.ts';
import type { Kernel } from '../../kernel/kernel.ts';

/** Also says when the address is not mapped. E_UNREADABLE when a page table is not in the dump. */
export function translationText(kernel: Kernel, address: bigint): string {
  const mapping = kernel.tryTranslate(asVaddr(address));
  const virtual = address.toString(16).padStart(16);
  const physical = mapping === undefined ? '(not mapped)' : mapping.paddr.toString(16);
  return [
    '',
    `Translating virtual address ${hex(address).slice(2)} to physical address.`,
    'VIRTUAL           PHYSICAL',
    `${virtual}  ${physical}`,
    '',
    '',
  ].join('\n');
}
