/** A dump that was never a file: memory and vmcoreinfo of the test's making. */
import { MemorySource } from '../../src/base/byte-source.ts';
import type { Arch, Dump, PhysicalMemory } from '../../src/formats/dump.ts';
import type { Note, ProgramHeader } from '../../src/formats/elf.ts';

export interface FakeDump {
  readonly arch?: Arch;
  readonly memory: PhysicalMemory;
  readonly vmcoreinfo?: string;
  readonly notes?: readonly Note[];
  readonly segments?: readonly ProgramHeader[];
}

export function fakeDump({ arch = 'x86_64', memory, vmcoreinfo, notes, segments }: FakeDump): Dump {
  return {
    format: 'fake',
    arch,
    source: new MemorySource(new Uint8Array(), 'fake.vmcore'),
    littleEndian: true,
    memory,
    notes: notes ?? [],
    vmcoreinfo,
    segments: segments ?? [],
    describe: () => ({
      format: 'fake',
      detail: 'a dump made by a test',
      arch,
      pageSize: memory.pageSize,
      dumpLevel: undefined,
      incomplete: false,
      compression: undefined,
      zeroPages: undefined,
    }),
  };
}
