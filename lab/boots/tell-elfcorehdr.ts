/** A workload that says on the console what ELF core header we make of the machine it runs on, and does nothing else. */
import { writeFileSync } from 'node:fs';
import { buildElfCoreHeader, elfCoreHeaderFacts } from '../../src/tools/kexec/elfcorehdr.ts';
import { readMachineFacts } from '../../src/tools/kexec/machine/facts.ts';
import { tellHeader } from './tell-header.ts';

tellHeader(buildElfCoreHeader(elfCoreHeaderFacts(readMachineFacts())));
writeFileSync(process.argv[2]!, '');
