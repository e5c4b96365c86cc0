/**
 * crashkernel= in GRUB's defaults as Debian has them: shell assignments in /etc/default/grub and /etc/default/grub.d/*.cfg, read in this order.
 *
 * Only lines of one form are understood, and changed: GRUB_CMDLINE_LINUX or GRUB_CMDLINE_LINUX_DEFAULT, "=" and a value in one pair of quotes.
 * Everything else that speaks of crashkernel= is refused, because what a shell makes of it cannot be known.
 */
import { VmcoreError } from '../../../../base/errors.ts';

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface FileChange {
  readonly path: string;
  /** Undefined: the file is new. */
  readonly before: string | undefined;
  readonly after: string;
}

/** Ours: where it goes when nobody has said anything of crashkernel= yet. */
export const ownDefaults = '/etc/default/grub.d/kdump-crashkernel.cfg';

const assignment = /^(\s*GRUB_CMDLINE_LINUX(?:_DEFAULT)?=)(["'])([^"']*)\2\s*$/;
const word = /(^|\s)crashkernel=\S*/g;

/** What to write so that crashkernel= is `value`; nothing when it is. E_UNSUPPORTED, with file and line, for what cannot be understood. */
export function changeGrubDefaults(files: readonly TextFile[], value: string): readonly FileChange[] {
  const changes: FileChange[] = [];
  let isSaid = false;
  for (const { path, text } of files) {
    const after = text
      .split('\n')
      .map((line, index) => {
        if (!/crashkernel=/.test(line) || /^\s*#/.test(line)) return line;
        isSaid = true;
        return changedLine(line, value, `${path}:${index + 1}`);
      })
      .join('\n');
    if (after !== text) changes.push({ path, before: text, after });
  }
  if (isSaid) return changes;
  const after = `# Written by "vmcore kdumpctl reset-crashkernel".\nGRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=${value}"\n`;
  return [{ path: ownDefaults, before: undefined, after }];
}

function changedLine(line: string, value: string, place: string): string {
  const [, name, quote, words] = assignment.exec(line) ?? [];
  if (name === undefined || quote === undefined || words === undefined || /[`\\]|\$\(/.test(words)) {
    throw new VmcoreError('E_UNSUPPORTED', 'sets crashkernel= in a way that is not understood', {
      file: place,
      hint: `write crashkernel=${value} there yourself, and run update-grub`,
    });
  }
  let isFirst = true;
  const changed = words.replace(word, (_, blank: string) => {
    const replacement = isFirst ? `${blank}crashkernel=${value}` : '';
    isFirst = false;
    return replacement;
  });
  return `${name}${quote}${changed}${quote}`;
}
