/**
 * Builds the WebAssembly of the assembly/ folders, and shows that what is committed is what those sources compile to.
 *
 *   node lab/wasm.ts           part of `npm run check`: ends with 1 when a file of `outputs` is not what comes out
 *   node lab/wasm.ts --write   `npm run build:wasm`: writes those files
 *
 * The modules are committed, in base64, so that neither an installation nor the bundle of the capture image needs a compiler or a
 * file beside the code. AssemblyScript and Binaryen are pinned in package-lock.json, and their output depends on nothing else.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main as asc } from 'assemblyscript/asc';

const root = join(import.meta.dirname, '..');

/** One module of a file, and the compiler's options for it. */
interface Constant {
  readonly name: string;
  /** What kind of memory it imports. */
  readonly memory: 'an unshared' | 'a shared';
}

interface Output {
  /** AssemblyScript, and the file that its modules are written to. */
  readonly entry: string;
  readonly file: string;
  readonly constants: readonly Constant[];
}

const outputs: readonly Output[] = [
  {
    entry: 'src/codecs/assembly/pages.ts',
    file: 'src/codecs/wasm-modules.ts',
    constants: [
      { name: 'ownMemoryModule', memory: 'an unshared' },
      { name: 'sharedMemoryModule', memory: 'a shared' },
    ],
  },
  {
    entry: 'src/formats/assembly/page-descriptors.ts',
    file: 'src/formats/wasm-modules.ts',
    constants: [{ name: 'descriptorsModule', memory: 'an unshared' }],
  },
  {
    entry: 'src/kernel/assembly/judge-pages.ts',
    file: 'src/kernel/wasm-modules.ts',
    constants: [{ name: 'judgeModule', memory: 'an unshared' }],
  },
];

const options = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
  // No runtime: the module owns no memory, has no data and calls nobody.
  ...['--runtime', 'stub', '--use', 'abort=', '--importMemory', '--noExportMemory', '--initialMemory', '0'],
  ...['--enable', 'simd'],
];
/** A module imports either kind of memory, never both; an import takes any memory whose maximum is not above its own. */
const sharedOptions = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];

async function compile(entry: string, memory: Constant['memory']): Promise<Uint8Array> {
  const extra = memory === 'a shared' ? sharedOptions : [];
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc([entry, '--outFile', 'module.wasm', ...options, ...extra], {
    readFile: (name, base) => {
      try {
        return readFileSync(join(root, base, name), 'utf8');
      } catch {
        // How the compiler looks for a file: it asks for every place where it may be.
        return null;
      }
    },
    writeFile: (_name, contents) => {
      if (typeof contents !== 'string') binary = contents;
    },
    listFiles: () => null,
  });
  if (error !== null || binary === undefined) throw new Error(`asc: ${error?.message}\n${stderr.toString()}`);
  return binary;
}

/** The text of an output's file. */
async function modulesSource({ entry, constants }: Output): Promise<string> {
  const texts = [
    `/** Made from ${entry} by \`npm run build:wasm\`, which lab/wasm.ts is: not to be edited. WebAssembly modules in base64. */\n`,
  ];
  for (const { name, memory } of constants) {
    const code = Buffer.from(await compile(entry, memory)).toString('base64');
    texts.push(`/** Imports ${memory} memory. */\nexport const ${name} =\n  '${code}';\n`);
  }
  return texts.join('\n');
}

async function main(args: readonly string[]): Promise<void> {
  for (const output of outputs) {
    const source = await modulesSource(output);
    const path = join(root, output.file);
    if (args.includes('--write')) writeFileSync(path, source);
    else if (readFileSync(path, 'utf8') !== source) {
      process.stderr.write(`${output.file}: not what ${output.entry} compiles to: run npm run build:wasm\n`);
      process.exitCode = 1;
    }
  }
}

if (import.meta.main) await main(process.argv.slice(2));
