import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CKernel, CTypes } from '../../../test/support/c-types.ts';
import { noteBytes } from '../../../test/support/elf-file.ts';
import { elfProgram } from '../../../test/support/elf-program.ts';
import { failsWith } from '../../../test/support/expect-error.ts';
import { MemorySource } from '../../base/byte-source.ts';
import { unpackWhole } from '../../codecs/native-inflate.ts';
import { type ElfSections, openElfSections } from '../../formats/elf-sections.ts';
import { type CrashedKernel, openCrashedKernel } from '../crashed-kernel.ts';

const types = new CTypes(`
  struct list_head { struct list_head *next; struct list_head *prev; };
  struct task_struct { int pid; };
  struct bin_attribute { u64 size; void *private; };
  struct module_notes_attrs { void *dir; unsigned int notes; struct bin_attribute attrs[2]; };
  struct module_memory { void *base; unsigned int size; };
  enum mod_mem_type { MOD_TEXT };
  struct module { int state; struct list_head list; char name[56]; struct module_memory mem[1]; struct module_notes_attrs *notes_attrs; };
`);
const ownId = Uint8Array.from({ length: 20 }, (_, i) => i + 1);
const hexId = (id: Uint8Array): string => Buffer.from(id).toString('hex');

/** A file with a build id and the least that can be called DWARF: no unit at all. */
function file(id: Uint8Array, hasDwarf = true): ElfSections {
  const dwarf = ['.debug_info', '.debug_abbrev', '.debug_str'].map((name) => ({
    name,
    data: new Uint8Array(0),
  }));
  const notes = { name: '.note.gnu.build-id', type: 7, data: noteBytes('GNU', 3, id) };
  const sections = [notes, ...(hasDwarf ? dwarf : [])];
  return openElfSections(new MemorySource(elfProgram({ sections }), 'alpha.ko'), unpackWhole);
}

/** One module, alpha, whose second note is its build id. */
function crashed(given: ElfSections, notesAt?: bigint): CrashedKernel {
  const made = new CKernel(types);
  const linux = noteBytes('Linux', 0x100, new Uint8Array(4));
  const id = noteBytes('GNU', 3, ownId);
  const notes = made.place('module_notes_attrs', {
    notes: 2,
    'attrs[0].private': made.kernel.place(linux),
    'attrs[0].size': linux.length,
    'attrs[1].private': made.kernel.place(id),
    'attrs[1].size': id.length,
  });
  const module = made.place('module', {
    name: 'alpha',
    'mem[0].base': 0xffff_ffff_c000_0000n,
    'mem[0].size': 4096,
    notes_attrs: notesAt ?? notes,
  });
  const head = made.place('list_head');
  made.link(head, [made.member('module', module, 'list')]);
  made.crashed({ modules: head });
  return openCrashedKernel(made.kernel.dump(), {
    debugModule: (name) => (name === 'alpha' ? given : undefined),
  });
}

const typesOf = (opened: CrashedKernel): string[] =>
  opened.typesOf(opened.modules.find('alpha')!).map(({ name }) => name);

describe('debug information of a module', () => {
  it('is used when it is of the same build, or that cannot be told', () => {
    assert.deepEqual(typesOf(crashed(file(ownId))), ['DWARF']);
    assert.deepEqual(typesOf(crashed(file(new Uint8Array(20)), 0n)), ['DWARF']);
    assert.deepEqual(typesOf(crashed(file(new Uint8Array(20)), 0x1234n)), ['DWARF']);
  });

  it('of another build is refused, with both ids', () => {
    const other = new Uint8Array(20).fill(0xee);
    assert.throws(
      () => typesOf(crashed(file(other))),
      failsWith(
        'E_USAGE',
        new RegExp(`build id ${hexId(other)}, the module alpha that was loaded ${hexId(ownId)}`),
      ),
    );
  });

  it('that a file does not have is no trouble', () => {
    assert.deepEqual(typesOf(crashed(file(ownId, false))), []);
  });
});
