/** Addresses as people write them: numbers and symbols; and symbols for addresses. */
import { harmless } from '../../base/bytes.ts';
import { VmcoreError } from '../../base/errors.ts';
import { asVaddr, hex, type Vaddr } from '../../base/units.ts';
import type { CrashedKernel } from '../../kernel/crashed-kernel.ts';

/**
 * "0xffff888003c5a000", the same without 0x (at least 8 digits), "init_task", "schedule+0x10", "ext4:ext4_fs_type". Of several symbols of one name the
 * first, the kernel's before modules'. `cpu`: that CPU's copy of a per-CPU variable. E_USAGE when it is none of these.
 */
export function addressFrom(crashed: CrashedKernel, text: string, cpu?: number): Vaddr {
  const number = numberFrom(text);
  if (number !== undefined) return asVaddr(number);
  const [, name = '', plus = '0'] = /^([^+]+)(?:\+(0x[0-9a-f]{1,16}|\d{1,18}))?$/i.exec(text) ?? [];
  const address = symbolAddress(crashed, name);
  if (address === undefined) {
    const why = crashed.symbols.troubles.join('; ');
    throw new VmcoreError(
      'E_USAGE',
      `${text} is neither an address nor a known symbol${why === '' ? '' : ` (${why})`}`,
      { hint: 'write addresses as 0x…, symbols as in /proc/kallsyms' },
    );
  }
  const base = cpu === undefined ? address : crashed.onCpu(address, cpu);
  return asVaddr(base + BigInt(plus));
}

/** Hexadecimal with 0x, or without when it has the length of an address. */
export function numberFrom(text: string): bigint | undefined {
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text);
  return /^[0-9a-f]{8,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
}

function symbolAddress(crashed: CrashedKernel, name: string): Vaddr | undefined {
  if (name === '') return undefined;
  const own = name.includes(':') ? undefined : crashed.symbols.address(name);
  if (own !== undefined) return own;
  for (const { address } of crashed.symbols.find(name)) return address;
  return undefined;
}

/** "schedule+0x10", "ext4_iget [ext4]"; undefined when the address is in no symbol. */
export function symbolText(crashed: CrashedKernel, address: bigint): string | undefined {
  const place = crashed.symbols.lookup(asVaddr(address));
  if (place === undefined) return undefined;
  const offset = place.offset === 0n ? '' : `+${hex(place.offset)}`;
  return harmless(`${place.name}${offset}${place.module === undefined ? '' : ` [${place.module}]`}`);
}
