/**
 * Assembles the entry trampoline of kexec, and shows that the machine code that is committed is what its sources assemble to.
 *
 *   node lab/trampoline.ts           ends with 1 when it is not; test/trampoline.test.ts asks the same
 *   node lab/trampoline.ts --write   writes code-x86_64.ts and code-arm64.ts
 *
 * By the GNU assembler of Debian 12 for either machine, unpacked into the cache and not installed: other releases may encode an
 * instruction in another way. It takes apt and, the first time, a network: so it is not part of `npm run check`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmcoreError } from '../src/base/errors.ts';
import { silentProgress } from '../src/base/progress.ts';
import type { KexecArch } from '../src/tools/kexec/segment.ts';
import { formatListing, type ListedLine } from '../src/tools/kexec/trampoline/listing.ts';
import { debianTree } from '../src/tools/rehearse/debian.ts';
import { peerIn } from './peers.ts';

const folder = join(import.meta.dirname, '..', 'src', 'tools', 'kexec', 'trampoline');

const prefixes: Record<KexecArch, string> = { x86_64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const constants: Record<KexecArch, string> = { x86_64: 'x86Listing', arm64: 'arm64Listing' };

export interface Assembled {
  readonly code: Uint8Array;
  readonly lines: readonly ListedLine[];
}

/** The .text of a source without relocations, which is so position-independent. E_CORRUPT, with the assembler's words, for any other. */
export async function assemble(arch: KexecArch, source: string): Promise<Assembled> {
  const packages = ['binutils-x86-64-linux-gnu', 'binutils-aarch64-linux-gnu'];
  const tree = await debianTree({ suite: 'bookworm', packages, progress: silentProgress });
  const binutils = async (program: string, args: readonly string[]): Promise<string> => {
    const result = await peerIn(tree, `usr/bin/${prefixes[arch]}-${program}`, {}).run(args);
    if (result.status === 0) return result.stdout.toString('utf8');
    throw new VmcoreError('E_CORRUPT', `${program}: ${result.stderr.trim()}`, { file: source });
  };
  const work = mkdtempSync(join(tmpdir(), 'vmcore-assemble-'));
  try {
    const [object, flat] = [join(work, 'object'), join(work, 'flat')];
    const form = ['-almn', '--listing-lhs-width=4', '--listing-rhs-width=200', '--listing-cont-lines=100'];
    const listing = await binutils('as', [...form, '-o', object, source]);
    const relocations = await binutils('objdump', ['--reloc', object]);
    if (/R_\w+/.test(relocations)) {
      throw new VmcoreError('E_CORRUPT', 'is not position-independent', { file: source, hint: relocations });
    }
    await binutils('objcopy', ['--only-section=.text', '--output-target=binary', object, flat]);
    return { code: readFileSync(flat), lines: listedLines(listing) };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The text of code-ARCH.ts. */
export async function codeSource(arch: KexecArch): Promise<string> {
  const { code, lines } = await assemble(arch, join(folder, `${arch}.S`));
  const listing = formatListing(code, lines);
  if (/[`\\]|\$\{/.test(listing)) throw new Error(`${arch}.S: has what a template literal cannot hold`);
  return `/**
 * Made from ${arch}.S by \`node lab/trampoline.ts --write\`: not to be edited. Address, bytes and source line of every instruction.
 * ${code.length} bytes.
 */
export const ${constants[arch]} = \`
${listing}
\`;
`;
}

export const committedCode = (arch: KexecArch): string => readFileSync(codeFile(arch), 'utf8');

const codeFile = (arch: KexecArch): string => join(folder, `code-${arch}.ts`);

/**
 * From the assembler's own listing (as -almn): number, address, bytes, a tab, source; macros expand to lines that begin with `>`.
 * Kept are the lines that make bytes, labels, and what calls a macro.
 */
function listedLines(listing: string): ListedLine[] {
  const lines: ListedLine[] = [];
  let waiting: string[] = [];
  let before = '';
  for (const line of listing.split('\n')) {
    const tab = line.indexOf('\t');
    if (tab < 0) continue;
    const source = line.slice(tab + 1);
    const [, hex] = /^\s*\d+ ([0-9a-f]{4}) /.exec(line.slice(0, tab)) ?? [];
    const expanded = source.startsWith('>');
    if (hex === undefined) {
      if (/^\w+:$/.test(source)) waiting.push(source);
    } else {
      if (expanded && before !== '') waiting.push(`    ${spaced(before.trim())}`);
      const [, label, rest = source] = /^(\w+:)\s+(.*)$/.exec(source) ?? [];
      if (label !== undefined) waiting.push(label);
      const address = Number.parseInt(hex, 16);
      for (const text of waiting) lines.push({ address, source: text });
      waiting = [];
      lines.push({
        address,
        source: `${expanded ? '    > ' : '    '}${spaced(rest.replace(/^>/, '').trim())}`,
      });
    }
    before = expanded || hex !== undefined ? '' : source;
  }
  return lines;
}

const spaced = (source: string): string => source.replace(/^(\S+)\s+/, (_, word) => `${word} `.padEnd(8));

async function main(args: readonly string[]): Promise<void> {
  for (const arch of ['x86_64', 'arm64'] as const) {
    const source = await codeSource(arch);
    if (args.includes('--write')) writeFileSync(codeFile(arch), source);
    else if (committedCode(arch) !== source) {
      process.stderr.write(
        `${codeFile(arch)}: not what ${arch}.S assembles to: run node lab/trampoline.ts --write\n`,
      );
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) await main(process.argv.slice(2));
