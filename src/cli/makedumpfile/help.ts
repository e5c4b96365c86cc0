/** What `makedumpfile -h` and `-v` print. */
import packageJson from '../../../package.json' with { type: 'json' };
import { codecNames } from '../../codecs/page-codec.ts';

/** The first line is what scripts look for; the rest says that -l, -p and -z work here. */
export function versionText(): string {
  const lines = codecNames.filter((name) => name !== 'zlib').map((name) => `${name}\tenabled\n`);
  return `makedumpfile: version ${packageJson.version} (vmcore)\n${lines.join('')}\n`;
}

export const helpText = `Makes a small dump of a crashed kernel: leaves out pages that are not needed, and compresses the rest.

  makedumpfile [OPTIONS] VMCORE DUMPFILE          filter and compress
  makedumpfile -F [OPTIONS] VMCORE                the same, flattened to standard output
  makedumpfile -R DUMPFILE                        a flattened dump from standard input, as a file
  makedumpfile --split [OPTIONS] VMCORE DUMPFILE1 DUMPFILE2 [...]
  makedumpfile --reassemble DUMPFILE1 DUMPFILE2 [...] DUMPFILE
  makedumpfile --dump-dmesg [--partial-dmesg] VMCORE LOGFILE
  makedumpfile --mem-usage /proc/kcore            pages of each kind, of the running kernel or of a dump
  makedumpfile -g VMCOREINFO -x VMLINUX           describe a kernel for -i

What is left out
  -d LEVEL[,LEVEL...]     sum of 1 zero pages, 2 cache, 4 cache with private data, 8 user data, 16 free pages;
                          the next level is tried when the dump of the one before does not fit
  -e                      also the struct pages of pages that are left out; needs --work-dir
  --filter FILE.ts        a module of yours that drops pages or erases data; may be repeated
  --config FILE           erase commands (makedumpfile.conf(5))

The dump
  -c | -l | -p | -z       compress each page with zlib, lzo, snappy or zstd; without any, pages are stored
  -E                      an ELF file, not compressed
  -F                      flattened, to standard output: for a pipe
  -L SIZE                 at most SIZE bytes (K, M, G, T)
  --split                 several files, each with a range of pages; --splitblock-size KB
  -f                      write over an existing file
  --dry-run               write nothing

The kernel, when VMCORE does not describe itself
  -x VMLINUX              with debug information
  -i VMCOREINFO           made by -g

Speed and memory
  --num-threads N         threads that compress; without it, one per processor
  --cyclic-buffer KB      size of a bitmap; without it, what free memory allows
  --non-mmap              read VMCORE, never map it
  --work-dir DIR, --non-cyclic, -b ORDER
                          accepted, without effect

Messages
  --message-level LEVEL   sum of 1 progress, 2 common, 4 errors, 8 debugging, 16 report; 7 when not given
  --show-stats            with the report        -D  with debugging messages
  -q, --quiet             only errors            --json  the result as JSON
  --vtop ADDRESS          print where a virtual address lies
  --check-params          check the command line, and no more
  --cut-short             read what is there of a VMCORE that was cut short
  -v                      version                -h, --help
`;
