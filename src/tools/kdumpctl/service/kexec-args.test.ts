import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type KexecArgs, parseKexecArgs } from './kexec-args.ts';

const usual: KexecArgs = { call: 'auto', hotplug: false, efi: 'hand over', verify: true, bounds: {} };
const parse = (text: string): KexecArgs =>
  parseKexecArgs(
    text.split(' ').filter((word) => word !== ''),
    '/etc/sysconfig/kdump',
  );

describe('KEXEC_ARGS', () => {
  it('chooses the call, the last one counting', () => {
    assert.deepEqual(parse(''), usual);
    assert.deepEqual(parse('-s'), { ...usual, call: 'kexec_file_load' });
    assert.deepEqual(parse('-s --kexec-syscall'), { ...usual, call: 'kexec_load' });
  });

  it('honours what makes sense, and takes what has no effect', () => {
    assert.deepEqual(
      parse('--elf64-core-headers -d --hotplug --noefi -i --mem-min=0x1000000 --mem-max=4294967295'),
      {
        call: 'auto',
        hotplug: true,
        efi: 'leave out',
        verify: false,
        bounds: { min: 0x1000000, max: 0xffffffff },
      },
    );
  });

  it('refuses the rest', () => {
    for (const word of ['--initrd=/x', '-l', '--mem-min=low', '--mem-min=-1', 'toString', '--append=x']) {
      assert.throws(() => parse(word), {
        code: 'E_USAGE',
        file: '/etc/sysconfig/kdump',
        message: `KEXEC_ARGS: "${word}" cannot be honoured`,
      });
    }
  });
});
