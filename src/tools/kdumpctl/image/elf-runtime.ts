/**
 * What a program needs to run in the capture image: its loader, its shared libraries, and itself without debug symbols.
 *
 * Source of truth: the System V ABI (chapters 4 and 5), ld.so(8) and include/uapi/linux/elf.h (Linux 6.1). Works on 64-bit
 * little-endian ELF files; no binutils are needed.
 */
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type ByteSource, readExact } from '../../../base/byte-source.ts';
import { cString, latin1, u64, viewOf } from '../../../base/bytes.ts';
import { VmcoreError } from '../../../base/errors.ts';
import {
  type ElfFile,
  ElfMachine,
  elfHeaderSize,
  isElf,
  parseElf,
  SegmentType,
  sectionHeaderSize,
} from '../../../formats/elf.ts';
import { openFile } from '../../../sys/file-source.ts';
import { asVmcoreError } from '../../../sys/system-error.ts';

/** Dynamic section tags, include/uapi/linux/elf.h. */
const DynamicTag = { null: 0, needed: 1, strtab: 5, strsz: 10, rpath: 15, runpath: 29 } as const;

/** Where distributions keep libraries: Debian's multiarch folders, then the plain and the lib64 ones. */
const libraryFolders: Readonly<Record<number, readonly string[]>> = {
  [ElfMachine.x86_64]: [
    '/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu',
    '/lib64',
    '/usr/lib64',
    '/lib',
    '/usr/lib',
  ],
  [ElfMachine.aarch64]: [
    '/lib/aarch64-linux-gnu',
    '/usr/lib/aarch64-linux-gnu',
    '/lib64',
    '/usr/lib64',
    '/lib',
    '/usr/lib',
  ],
};

export interface Runtime {
  /** The program itself, links resolved. */
  readonly program: string;
  /** The dynamic loader, by the path that the program asks for (PT_INTERP). */
  readonly loader: string;
  /** Shared libraries by soname, to the file that holds each. The loader is among them. */
  readonly libraries: ReadonlyMap<string, string>;
}

/**
 * Finds the loader and, through DT_NEEDED, every library, below the folder `root` as if it were /: programs of another architecture
 * have theirs in a tree of their own. E_NEEDS for one that is nowhere.
 */
export function runtimeOf(program: string, root = '/'): Runtime {
  const path = realpathSync(program);
  const elf = withElf(path, (file) => ({
    loader: interpreterOf(file),
    machine: file.machine,
    needed: neededBy(file, path, root),
  }));
  if (elf.loader === undefined) {
    throw new VmcoreError('E_UNSUPPORTED', 'is not a dynamically linked program', {
      file: path,
      hint: 'name the node binary',
    });
  }
  const find = ({ soname, folders, neededBy }: Needed): string => {
    const found = findLibrary(soname, elf.machine, root, folders);
    if (found !== undefined) return found;
    throw new VmcoreError('E_NEEDS', `its library ${soname} is not installed`, {
      file: neededBy,
      hint: 'install it with the package manager (Debian: libstdc++6, libatomic1, libgcc-s1)',
    });
  };
  // A tree of packages lacks the links between / and /usr that an installation has.
  const loader = join(root, elf.loader);
  const loaderFile = existsSync(loader)
    ? realpathSync(loader)
    : find({ soname: basename(elf.loader), folders: [], neededBy: path });
  const libraries = new Map<string, string>([[basename(elf.loader), loaderFile]]);
  const todo = [...elf.needed];
  for (let needed = todo.shift(); needed !== undefined; needed = todo.shift()) {
    if (libraries.has(needed.soname)) continue;
    const found = find(needed);
    libraries.set(needed.soname, found);
    todo.push(...withElf(found, (file) => neededBy(file, found, root)));
  }
  return { program: path, loader: elf.loader, libraries };
}

/** Does the file begin as an ELF file does? E_FILE or E_IO when it cannot be read. */
export function isElfFile(path: string): boolean {
  const source = openFile(path);
  try {
    const head = new Uint8Array(4);
    return source.read(0, head) === 4 && isElf(head);
  } finally {
    source.close();
  }
}

/** Has the ELF program a loader, which brings its libraries? */
export const isDynamic = (program: string): boolean =>
  withElf(realpathSync(program), (file) => interpreterOf(file) !== undefined);

/** The file of a library as a program of the same machine as `program` would find it; undefined when it is not installed. */
export const libraryBeside = (program: string, soname: string, root = '/'): string | undefined =>
  findLibrary(
    soname,
    withElf(realpathSync(program), ({ machine }) => machine),
    root,
    [],
  );

/** `folders` are searched first. */
function findLibrary(
  soname: string,
  machine: number,
  root: string,
  folders: readonly string[],
): string | undefined {
  const usual = (libraryFolders[machine] ?? []).map((folder) => join(root, folder));
  for (const folder of [...folders, ...usual]) {
    const path = join(folder, soname);
    if (existsSync(path) && withElf(path, (file) => file.machine === machine)) return realpathSync(path);
  }
  return undefined;
}

function withElf<T>(path: string, use: (file: ElfFile) => T): T {
  const source = openFile(path);
  try {
    if (!isElf(readExact(source, 0, Math.min(elfHeaderSize, source.size), 'the ELF header'))) {
      throw new VmcoreError('E_UNSUPPORTED', 'is not an ELF program or library', {
        file: path,
        hint: 'name the program itself, not a script that starts it',
      });
    }
    return use(parseElf(source));
  } finally {
    source.close();
  }
}

/** PT_INTERP, undefined in a static program or a library. */
function interpreterOf(file: ElfFile): string | undefined {
  const segment = file.segments.find((one) => one.type === SegmentType.interp);
  if (!segment) return undefined;
  return cString(readExact(file.source, segment.offset, segment.fileSize, 'PT_INTERP'));
}

interface Needed {
  readonly soname: string;
  /** Where the one that needs it says that it may be. */
  readonly folders: readonly string[];
  readonly neededBy: string;
}

/** DT_NEEDED, in order. */
function neededBy(file: ElfFile, path: string, root: string): Needed[] {
  const segment = file.segments.find((one) => one.type === SegmentType.dynamic);
  if (!segment) return [];
  const table = viewOf(readExact(file.source, segment.offset, segment.fileSize, 'PT_DYNAMIC'));
  const needed: number[] = [];
  let searched: number | undefined;
  let stringsAt = 0n;
  let stringsSize = 0;
  for (let at = 0; at + 16 <= table.byteLength; at += 16) {
    const tag = u64(table, at, true);
    if (tag === DynamicTag.null) break;
    if (tag === DynamicTag.needed) needed.push(u64(table, at + 8, true));
    if (tag === DynamicTag.runpath || tag === DynamicTag.rpath) searched = u64(table, at + 8, true);
    if (tag === DynamicTag.strtab) stringsAt = table.getBigUint64(at + 8, true);
    if (tag === DynamicTag.strsz) stringsSize = u64(table, at + 8, true);
  }
  const strings = readExact(
    file.source,
    fileOffset(file, stringsAt),
    stringsSize,
    'the dynamic string table',
  );
  const text = (offset: number): string => cString(strings.subarray(offset));
  const folders =
    searched === undefined
      ? []
      : text(searched)
          .split(':')
          .filter(Boolean)
          // $ORIGIN is the folder that the file is in.
          .map((folder) =>
            /^\$(ORIGIN|\{ORIGIN\})/.test(folder)
              ? folder.replace(/^\$(ORIGIN|\{ORIGIN\})/, dirname(path))
              : join(root, folder),
          );
  return needed.map((offset) => ({ soname: text(offset), folders, neededBy: path }));
}

function fileOffset(file: ElfFile, vaddr: bigint): number {
  for (const { type, offset, vaddr: start, fileSize } of file.segments) {
    const inside = vaddr - start;
    if (type === SegmentType.load && inside >= 0n && inside < BigInt(fileSize))
      return offset + Number(inside);
  }
  throw new VmcoreError('E_CORRUPT', `no segment holds address 0x${vaddr.toString(16)}`, {
    file: file.source.name,
    hint: 'reinstall the package that brought it',
  });
}

/** Places in the ELF64 file header: e_shoff (8 bytes), then e_shnum and e_shstrndx (2 bytes each). */
const sectionTableField = 40;
const sectionCountField = 60;
const sectionNamesField = 62;

/**
 * Copies a program without anything that is not loaded: symbol tables and debug sections lie behind the last PT_LOAD, and
 * the loader never looks at section headers. Node's own binary shrinks by a fifth. `change` may change what is left, in place.
 */
export function writeStripped(
  program: string,
  output: string,
  change: (bytes: Uint8Array) => void = () => undefined,
): void {
  const end = withElf(program, (file) =>
    Math.max(
      ...file.segments
        .filter(({ type }) => type === SegmentType.load)
        .map((one) => one.offset + one.fileSize),
    ),
  );
  try {
    const bytes = readFileSync(program).subarray(0, end);
    const header = viewOf(bytes);
    header.setBigUint64(sectionTableField, 0n, true);
    header.setUint16(sectionCountField, 0, true);
    header.setUint16(sectionNamesField, 0, true);
    change(bytes);
    writeFileSync(output, bytes, { mode: 0o755 });
  } catch (cause) {
    throw asVmcoreError(cause, 'cannot strip', { file: program });
  }
}

/** The bytes of a named section; undefined when there is none. For relocatable files such as kernel modules. */
export function readSection(source: ByteSource, name: string): Uint8Array | undefined {
  const header = viewOf(readExact(source, 0, 64, 'the ELF header'));
  const count = header.getUint16(sectionCountField, true);
  const size = count * sectionHeaderSize;
  const table = viewOf(readExact(source, u64(header, sectionTableField, true), size, 'the section headers'));
  const section = (index: number): { name: number; offset: number; size: number } => {
    const at = index * sectionHeaderSize;
    return {
      name: table.getUint32(at, true),
      offset: u64(table, at + 24, true),
      size: u64(table, at + 32, true),
    };
  };
  const stringSection = header.getUint16(sectionNamesField, true);
  if (stringSection >= count) return undefined;
  const strings = section(stringSection);
  const names = latin1(readExact(source, strings.offset, strings.size, 'the section names'));
  for (let index = 0; index < count; index++) {
    const one = section(index);
    if (names.startsWith(`${name}\0`, one.name)) return readExact(source, one.offset, one.size, name);
  }
  return undefined;
}
