/**
 * The serial console that the trampoline can speak on before any kernel does: the last one that the command line names with `console=`.
 *
 * On x86_64 ttyS0 to ttyS3 have had their I/O ports since the PC (arch/x86/include/asm/serial.h, Linux 6.1). On arm64 a PL011 is in
 * /proc/iomem by its driver's name or its node's (`9000000.pl011 pl011@9000000`, `ARMH0011:00`); others are not known by their addresses.
 */
import { splitWords } from '../command-line.ts';
import type { IomemEntry } from '../machine/iomem.ts';
import type { KexecArch } from '../segment.ts';
import type { SerialConsole } from '../trampoline/trampoline.ts';

const ports: readonly number[] = [0x3f8, 0x2f8, 0x3e8, 0x2e8];

/** Undefined when the command line names none that is known: then the trampoline is silent. */
export function serialConsole(
  arch: KexecArch,
  commandLine: string,
  iomem: readonly IomemEntry[],
): SerialConsole | undefined {
  const named = splitWords(commandLine).flatMap(
    (word) => /^console=(tty(?:S|AMA)\d+)\b/.exec(word)?.[1] ?? [],
  );
  const last = named.at(-1);
  if (last === undefined) return undefined;
  const number = Number(last.replace(/\D/g, ''));
  if (arch === 'x86_64') {
    const port = last.startsWith('ttyS') ? ports[number] : undefined;
    return port === undefined ? undefined : { kind: 'port', port };
  }
  if (!last.startsWith('ttyAMA')) return undefined;
  const found = iomem.filter(({ name }) => /pl011|ARMH0011/.test(name));
  const addresses = [...new Set(found.map(({ start }) => start))].sort((a, b) => a - b);
  const address = addresses[number];
  return address === undefined ? undefined : { kind: 'pl011', address };
}
