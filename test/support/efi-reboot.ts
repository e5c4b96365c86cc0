/** A machine with EFI that reboots by kexec (lab/boots/kexec-reboot.ts): the second kernel must find EFI as the first one did. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { boot } from '../../lab/boots/boot.ts';
import { kexecAnswers } from '../../lab/boots/tell-kexec.ts';
import { silentProgress } from '../../src/base/progress.ts';
import { debianTree } from '../../src/tools/rehearse/debian.ts';
import { workload } from './armed-machine.ts';

/** What `kexec -l` said. The second kernel was checked. */
export async function rebootWithEfi(form: 'as it is' | 'unpacked'): Promise<string> {
  const ovmf = await debianTree({
    suite: 'bookworm',
    packages: ['ovmf'],
    architecture: 'amd64',
    progress: silentProgress,
  });
  const { console, end } = await boot({
    kernel: '6.12-x86_64',
    workload: workload('kexec-reboot.ts'),
    load: 'auto',
    firmware: join(ovmf, 'usr/share/ovmf/OVMF.fd'),
    parameters: form === 'unpacked' ? ['kexec-unpacked'] : [],
  });
  const load = kexecAnswers(console).get('load');
  assert.equal(load?.status, 0, load?.stderr ?? `nothing was loaded: ${console.slice(-2000)}`);
  const second = console.slice(console.indexOf('Linux version', console.indexOf('@kexec')));
  assert.match(second, /second-kernel/);
  assert.match(second, /efi: EFI v[0-9.]+ by EDK II/);
  assert.match(second, /efivars: Registered efivars operations/);
  assert.match(second, /vmcore: stage0-start/);
  assert.equal(end, 'powered-off');
  return load.stdout;
}
