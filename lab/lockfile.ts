/**
 * Is package-lock.json one that `npm ci` takes everywhere? Part of `npm run check`; with `--complete` it adds what is missing.
 *
 * Two rules:
 * - Every optional package that an installed package names has its entry. npm writes an entry only for what its
 *   registry could give it at that moment, and `npm ci` refuses the whole file when one is missing, though the package
 *   is for another operating system and would not be installed. A completed entry has no integrity hash: nobody here
 *   can have seen the package. `npm install` on a machine where the registry has it fills the hash in.
 * - No entry says where it was downloaded (`omit-lockfile-registry-resolved` in .npmrc): everyone uses their own registry.
 *
 * The format: lockfileVersion 3, as npm help package-lock.json says.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
export interface Lockfile {
  readonly packages: Record<string, LockEntry>;
}

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const libraries: Readonly<Record<string, string>> = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl' };

interface Missing {
  readonly path: string;
  readonly version: string;
  readonly dev: boolean;
  /** The lockfile entry that names it. */
  readonly namedBy: string;
}

export function missingEntries(lock: Lockfile): Missing[] {
  const missing: Missing[] = [];
  for (const [namedBy, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      if (lock.packages[path] === undefined && lock.packages[`${namedBy}/${path}`] === undefined) {
        missing.push({ path, version, dev: entry.dev === true, namedBy });
      }
    }
  }
  return missing;
}

export const resolvedEntries = (lock: Lockfile): string[] =>
  Object.entries(lock.packages)
    .filter(([, entry]) => entry.resolved !== undefined)
    .map(([path]) => path);

/** An entry as npm writes it, for the platform that the package's name ends in (`cli-linux-x64-musl`). */
export function entryFor(missing: Missing): LockEntry {
  const words = missing.path.slice(missing.path.lastIndexOf('/') + 1).split('-');
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  const libc = words.flatMap((word) => libraries[word] ?? []);
  if (os.length + cpu.length === 0) {
    throw new Error(
      `${missing.path}: its name does not say a platform; write its package-lock.json entry by hand`,
    );
  }
  return {
    version: missing.version,
    ...(cpu.length > 0 && { cpu }),
    ...(missing.dev && { dev: true }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  };
}

export function complete(lock: Lockfile): Lockfile {
  const packages = { ...lock.packages };
  for (const missing of missingEntries(lock)) packages[missing.path] = entryFor(missing);
  const sorted = Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...lock, packages: Object.fromEntries(sorted) };
}

function main(args: readonly string[]): void {
  const file = 'package-lock.json';
  const lock: Lockfile = JSON.parse(readFileSync(file, 'utf8'));
  if (args.includes('--complete')) {
    writeFileSync(file, `${JSON.stringify(complete(lock), null, 2)}\n`);
    return;
  }
  const complaints = [
    ...missingEntries(lock).map(
      ({ path, namedBy }) =>
        `${path}, which ${namedBy} names, has no entry: run node lab/lockfile.ts --complete`,
    ),
    ...resolvedEntries(lock).map((path) => `${path} says where it was downloaded: remove its "resolved"`),
  ];
  for (const complaint of complaints) process.stderr.write(`${file}: ${complaint}\n`);
  if (complaints.length > 0) process.exitCode = 1;
}

if (import.meta.main) main(process.argv.slice(2));
