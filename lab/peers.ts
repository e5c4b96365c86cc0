/**
 * The programs that our dumps are compared with: this Debian's makedumpfile, and the newest makedumpfile, drgn
 * (with libkdumpfile) and crash of Debian forky, which know zstd and newer kernels.
 *
 * The forky ones are unpacked into the cache, not installed, and need neither root nor a chroot: each is started by the
 * dynamic loader of its own tree, so that it uses the libraries of its own suite. /proc is this machine's, which
 * makedumpfile must have: without it, it spins for ever. Every run ends by a timeout at the latest.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VmcoreError } from '../src/base/errors.ts';
import { type Progress, silentProgress } from '../src/base/progress.ts';
import { type ProgramResult, requireProgram, runProgram } from '../src/sys/programs.ts';
import { debianTree } from '../src/tools/rehearse/debian.ts';

export interface PeerRun {
  /** Milliseconds; E_IO when it takes longer. Two minutes when not given. */
  readonly timeout?: number;
}

export interface Peer {
  /** The program and the arguments before those of a run, for who starts it in another way. */
  readonly command: readonly string[];
  /** `env NAME=VALUE …`, which goes before the command. */
  readonly environment: readonly string[];
  /** Its status is part of the result, not an error. */
  run(args: readonly string[], how?: PeerRun): Promise<ProgramResult>;
}

const defaultTimeout = 120_000;

/** The makedumpfile of this machine: on Debian 12 it is 1.7.2, without zstd. E_NEEDS when there is none. */
export function debianMakedumpfile(): Peer {
  const path = requireProgram({ name: 'makedumpfile', debianPackage: 'makedumpfile' });
  return {
    command: [path],
    environment: [],
    run: (args, { timeout = defaultTimeout } = {}) => runProgram(path, args, { timeout }),
  };
}

/** makedumpfile of Debian forky (1.7.8 or later): zstd, and kernels up to about its own age. */
export async function newestMakedumpfile(progress: Progress = silentProgress): Promise<Peer> {
  return peerIn(await forkyTree(progress), 'usr/bin/makedumpfile', {});
}

/**
 * The Python of Debian forky with drgn (0.3 or later): the arguments are Python's, `['-c', 'import drgn; …', DUMP]` or
 * a script and its arguments.
 */
export async function newestDrgn(progress: Progress = silentProgress): Promise<Peer> {
  const tree = await forkyTree(progress);
  return peerIn(tree, 'usr/bin/python3', {
    PYTHONHOME: join(tree, 'usr'),
    PYTHONPATH: '',
    PYTHONNOUSERSITE: '1',
    DEBUGINFOD_URLS: '',
  });
}

/** crash of Debian forky (9.0.2 or later; Debian 12's finds 3 tasks of 60 on its own 6.1). lab/crash.ts asks it questions. */
export async function newestCrash(progress: Progress = silentProgress): Promise<Peer> {
  return peerIn(await debianTree({ suite: 'forky', packages: ['crash'], progress }), 'usr/bin/crash', {});
}

/** What libkdumpfile makes of a page: the SHA-256 of its bytes (hex), or why it cannot be read. */
export type PageAnswer = { readonly sha256: string } | { readonly unreadable: string };

/** Reads pages of a dump through libkdumpfile. 50,000 take about a second. E_IO when the dump cannot be opened. */
export async function libkdumpfilePages(
  dump: string,
  pageSize: number,
  pfns: Iterable<number>,
): Promise<Map<number, PageAnswer>> {
  const drgn = await newestDrgn();
  const script = join(import.meta.dirname, 'libkdumpfile-pages.py');
  const folder = mkdtempSync(join(tmpdir(), 'vmcore-pages-'));
  try {
    const list = join(folder, 'pfns');
    writeFileSync(list, Array.from(pfns, (pfn) => `${pfn}\n`).join(''));
    const result = await drgn.run([script, dump, `${pageSize}`, list], { timeout: 5 * defaultTimeout });
    if (result.status !== 0) {
      const complaint = result.stderr.trimEnd().split('\n').at(-1);
      throw new VmcoreError('E_IO', `libkdumpfile: ${complaint}`, { file: dump });
    }
    return parsePageAnswers(result.stdout.toString('utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function parsePageAnswers(text: string): Map<number, PageAnswer> {
  const answers = new Map<number, PageAnswer>();
  for (const match of text.matchAll(/^(\d+) (?:([0-9a-f]{64})|- (.*))$/gm)) {
    const [, pfn, sha256, unreadable = ''] = match;
    answers.set(Number(pfn), sha256 === undefined ? { unreadable } : { sha256 });
  }
  return answers;
}

/** dtc and fdtget of Debian forky: the compiler of device trees and what reads single values out of them. */
export async function deviceTreeTool(
  name: 'dtc' | 'fdtget',
  progress: Progress = silentProgress,
): Promise<Peer> {
  const packages = ['device-tree-compiler'];
  return peerIn(await debianTree({ suite: 'forky', packages, progress }), `usr/bin/${name}`, {});
}

/** The folder of Debian forky's makedumpfile and drgn, with all that they depend on. */
export const forkyTree = (progress: Progress): Promise<string> =>
  debianTree({ suite: 'forky', packages: ['makedumpfile', 'python3-drgn'], progress });

const machines: Partial<
  Record<NodeJS.Architecture, { readonly multiarch: string; readonly loaders: string[] }>
> = {
  x64: {
    multiarch: 'x86_64-linux-gnu',
    // dpkg-deb makes no /lib64 link to /usr/lib64, which is base-files' to make.
    loaders: ['usr/lib64/ld-linux-x86-64.so.2', 'lib64/ld-linux-x86-64.so.2'],
  },
  arm64: {
    multiarch: 'aarch64-linux-gnu',
    loaders: ['usr/lib/ld-linux-aarch64.so.1', 'lib/ld-linux-aarch64.so.1'],
  },
};

/** A program of such a tree: `program` is its path in there. */
export function peerIn(tree: string, program: string, env: Readonly<Record<string, string>>): Peer {
  const machine = machines[process.arch];
  const loader = machine?.loaders.map((path) => join(tree, path)).find((path) => existsSync(path));
  if (machine === undefined || loader === undefined) {
    throw new VmcoreError('E_NEEDS', `no dynamic loader for ${process.arch} in here`, {
      file: tree,
      hint: 'remove this folder and try again',
    });
  }
  const libraries = ['usr/lib', 'lib'].map((parent) => join(tree, parent, machine.multiarch)).join(':');
  const before = ['--library-path', libraries, join(tree, program)];
  return {
    command: [loader, ...before],
    environment: ['env', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)],
    run: (args, { timeout = defaultTimeout } = {}) =>
      runProgram(loader, [...before, ...args], { timeout, env }),
  };
}
