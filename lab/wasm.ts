/**
 * Builds the WebAssembly of src/codecs/assembly, and shows that what is committed is what those sources compile to.
 *
 *   node lab/wasm.ts           part of `npm run check`: ends with 1 when src/codecs/wasm-modules.ts is not what comes out
 *   node lab/wasm.ts --write   `npm run build:wasm`: writes that file
 *
 * The modules are committed, in base64, so that neither an installation nor the bundle of the capture image needs a compiler or a
 * file beside the code. AssemblyScript and Binaryen are pinned in package-lock.json, and their output depends on nothing else.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { main as asc } from 'assemblyscript/asc';

const root = join(import.meta.dirname, '..');
const entry = 'src/codecs/assembly/pages.ts';
export const modulesFile = join(root, 'src/codecs/wasm-modules.ts');

const options = [
  ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--noAssert'],
  // No runtime: the module owns no memory, has no data and calls nobody.
  ...['--runtime', 'stub', '--use', 'abort=', '--importMemory', '--noExportMemory', '--initialMemory', '0'],
  ...['--enable', 'simd'],
];
/** A module imports either kind of memory, never both; an import takes any memory whose maximum is not above its own. */
const sharedOptions = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];

async function compile(extra: readonly string[]): Promise<Uint8Array> {
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

/** The text of src/codecs/wasm-modules.ts. */
export async function modulesSource(): Promise<string> {
  const constant = async (name: string, what: string, extra: readonly string[]): Promise<string> =>
    `/** Imports ${what} memory. */\nexport const ${name} =\n  '${Buffer.from(await compile(extra)).toString('base64')}';\n`;
  return [
    `/** Made from ${entry} by \`npm run build:wasm\`, which lab/wasm.ts is: not to be edited. WebAssembly modules in base64. */\n`,
    await constant('ownMemoryModule', 'an unshared', []),
    await constant('sharedMemoryModule', 'a shared', sharedOptions),
  ].join('\n');
}

async function main(args: readonly string[]): Promise<void> {
  const source = await modulesSource();
  if (args.includes('--write')) writeFileSync(modulesFile, source);
  else if (readFileSync(modulesFile, 'utf8') !== source) {
    const name = relative(root, modulesFile);
    process.stderr.write(`${name}: not what ${entry} compiles to: run npm run build:wasm\n`);
    process.exitCode = 1;
  }
}

if (import.meta.main) await main(process.argv.slice(2));
