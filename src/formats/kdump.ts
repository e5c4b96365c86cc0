/** The kdump-compressed format. One file: kdump-file.ts; several that are one dump: split.ts; writing: kdump-writer.ts. */
import type { DumpFormat } from './dump.ts';
import { isKdump } from './kdump-file.ts';
import { openKdump } from './split.ts';

export const kdump: DumpFormat = {
  name: 'kdump',
  probe: isKdump,
  open: (source, options) => openKdump([source], options),
};
