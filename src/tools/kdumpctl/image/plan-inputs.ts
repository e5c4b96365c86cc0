/** What an image depends on, listed: from a plan, and from the files that it names. */
import { join } from 'node:path';
import { bundledProgram } from './bundle.ts';
import type { CpioEntry } from './cpio.ts';
import { fileInput, largeFileInput, textInput } from './inputs.ts';
import { nodeOptions } from './node-options.ts';
import type { ImageInput, ImagePlan } from './plan.ts';
import { ownScripts } from './ramdisk.ts';
import { ownCode } from './squashfs.ts';

export async function planInputs(plan: Omit<ImagePlan, 'inputs'>): Promise<ImageInput[]> {
  const { kernel, modules, programs, extraPrograms, entry } = plan;
  return [
    largeFileInput('the kernel', kernel.image),
    textInput(
      'the order of the modules',
      modules.map(({ module, optional }) => `${module.name} ${optional}`).join('\n'),
    ),
    ...modules.map(({ module }) =>
      largeFileInput(`the module ${module.name}`, join(kernel.moduleTree, module.path)),
    ),
    ...plan.files.map(entryInput),
    ...[...extraPrograms].map(([name, file]) => largeFileInput(`the program ${name}`, file)),
    largeFileInput('node', programs.node),
    largeFileInput('busybox', programs.busybox),
    ...[...ownScripts()].map(([name, text]) => textInput(`our own ${name}`, text)),
    textInput('the options of node', nodeOptions.join(' ')),
    ...(await Promise.all(
      ownCode(entry).map(async ({ name, source, format }) =>
        textInput(`our own program ${name}`, await bundledProgram(source, format)),
      ),
    )),
  ];
}

function entryInput(entry: CpioEntry): ImageInput {
  const what = whatItIs(`/${entry.path}`);
  if (entry.kind === 'file') {
    const { data, mode } = entry;
    return data instanceof Uint8Array
      ? textInput(what, Buffer.concat([Buffer.from(`${mode}\0`), data]))
      : fileInput(what, data.file);
  }
  return textInput(what, JSON.stringify(entry));
}

/** Files that are made from something are known by that. */
function whatItIs(path: string): string {
  switch (path) {
    case '/etc/kdump.conf':
      return 'the configuration';
    case '/etc/kdump-rootfs.conf':
      return 'the configuration for the root file system';
    case '/etc/vmcore/network.json':
      return 'the configuration of the network';
    case '/etc/hosts':
      return 'the address of the server';
    case '/etc/resolv.conf':
      return 'the name servers';
    case '/etc/ssh/ssh_known_hosts':
      return 'the known key of the ssh server';
    case '/etc/ssh/ssh_config':
      return 'the configuration of ssh';
    default:
      return path;
  }
}
