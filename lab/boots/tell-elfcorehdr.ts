/** A workload that says on the console what ELF core header we make of the machine it runs on, and does nothing else. */
import { writeFileSync } from 'node:fs';
import { buildElfCoreHeader, elfCoreHeaderFacts } from '../../src/tools/kexec/elfcorehdr.ts';
import { readMachineFacts } from '../../src/tools/kexec/machine/facts.ts';
import { tellHeader } from './tell-header.ts';

const facts = readMachineFacts();
tellHeader(buildElfCoreHeader(elfCoreHeaderFacts(facts)));
for (const remark of facts.remarks) process.stdout.write(`remark: ${remark}\n`);
writeFileSync(process.argv[2]!, '');
