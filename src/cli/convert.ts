/** `vmcore convert`: the RAM of a crashed machine as the vmcore that its capture kernel would have shown. */
import { statSync } from 'node:fs';
import { Command, Option } from 'commander';
import { VmcoreError } from '../base/errors.ts';
import { formatSize, hex } from '../base/units.ts';
import { nativeCodecs } from '../codecs/native.ts';
import { openDump } from '../formats/open.ts';
import { addressOf, type MachineType, machineTypes, parseBanks, type RamBank } from '../formats/ram-image.ts';
import { openRawMemory, type RawMemory } from '../formats/raw-memory.ts';
import { openFile } from '../sys/file-source.ts';
import { copyDump } from '../tools/convert/copy.ts';
import { makeDumpFile } from '../tools/makedumpfile/dump-file.ts';
import { chooseResources } from '../tools/makedumpfile/resources.ts';
import { printJson, printText } from './output.ts';
import { terminalProgress } from './terminal-progress.ts';

interface ConvertOptions {
  readonly from: 'raw';
  readonly to: 'elf' | 'kdump';
  readonly elfcorehdr: string;
  readonly memoryLayout: string;
  readonly force?: true;
  readonly json?: true;
}

export const convertCommand = (): Command =>
  new Command('convert')
    .description("make a vmcore from the RAM of a crashed machine, as the machine's capture kernel would")
    .argument('<in>', "the machine's RAM in one file, such as that of QEMU's memory-backend-file")
    .argument('<out>', 'the file to make (0600)')
    .addOption(new Option('--from <format>', 'what <in> is').choices(['raw']).default('raw'))
    .addOption(new Option('--to <format>', 'what <out> becomes').choices(['elf', 'kdump']).default('elf'))
    .option('--elfcorehdr <address>', 'physical address of the ELF core header; auto: search for it', 'auto')
    .option(
      '--memory-layout <layout>',
      `where memory is: a machine of QEMU (${machineTypes.join(', ')}), or ADDRESS+SIZE[,ADDRESS+SIZE…] in the order of the file`,
      'auto',
    )
    .option('-f, --force', 'write over <out>')
    .option('--json', 'what was found and made, as JSON')
    .action(convert);

async function convert(input: string, output: string, options: ConvertOptions): Promise<void> {
  const layout = layoutFrom(options.memoryLayout);
  const elfcorehdr = headerAddressFrom(options.elfcorehdr);
  const image = openFile(input);
  const progress = terminalProgress();
  const ifExists = options.force ? 'overwrite' : 'refuse';
  try {
    progress.step(elfcorehdr === undefined ? 'search the ELF core header' : 'read the ELF core header');
    const raw = openRawMemory(image, {
      ...(layout === undefined ? {} : { layout }),
      ...(elfcorehdr === undefined ? {} : { elfcorehdr }),
    });
    if (options.to === 'elf') copyDump(raw.vmcore, output, ifExists, progress);
    else
      await makeDumpFile({
        dump: openDump(raw.vmcore, { codecs: nativeCodecs(), cutShort: 'refuse' }),
        paths: [output],
        ifExists,
        level: 0,
        format: { kind: 'kdump', codec: 'zstd' },
        resources: chooseResources({ threads: undefined, cyclicBuffer: undefined }),
        onFailure: 'keep-when-stopped',
        durability: 'cache',
        progress,
      });
    progress.end();
    tell(raw, output, options);
  } finally {
    progress.end();
    image.close();
  }
}

function tell({ elfcorehdr, banks, vmcore }: RawMemory, output: string, options: ConvertOptions): void {
  const bytes = statSync(output).size;
  if (options.json) {
    printJson({
      output,
      format: options.to,
      bytes,
      vmcoreBytes: vmcore.size,
      elfcorehdr: hex(elfcorehdr),
      banks: banks.map(({ paddr, offset, size }) => ({ paddr: hex(paddr), offset, size })),
    });
    return;
  }
  const memory = banks.map(({ paddr, size }) => `${hex(paddr)}-${hex(paddr + size)}`).join(', ');
  printText(`ELF core header at ${hex(elfcorehdr)}, memory ${memory}\n${output}: ${formatSize(bytes)}\n`);
}

function layoutFrom(text: string): MachineType | readonly RamBank[] | undefined {
  if (text === 'auto') return undefined;
  const layout = machineTypes.find((machine) => machine === text) ?? parseBanks(text);
  if (layout !== undefined) return layout;
  throw new VmcoreError('E_USAGE', `--memory-layout ${text} is neither a machine nor a list of memory`, {
    hint: `use auto, ${machineTypes.join(', ')}, or a list such as 0+3G,4G+1G`,
  });
}

function headerAddressFrom(text: string): number | undefined {
  if (text === 'auto') return undefined;
  const address = addressOf(text);
  if (address !== undefined) return address;
  throw new VmcoreError('E_USAGE', `--elfcorehdr ${text} is not a physical address`, {
    hint: 'use auto, or an address such as 0x2d000000 or 867944K',
  });
}
