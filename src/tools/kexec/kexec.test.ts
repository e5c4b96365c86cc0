import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmcoreError } from '../../base/errors.ts';
import { errnoName } from '../../sys/libc.ts';
import { reusableCommandLine, splitWords } from './command-line.ts';
import { mayTryKexecLoad, refusal } from './refusal.ts';
import { checkReservation, isLoaded } from './status.ts';

test('every errno of kexec_file_load becomes one line with a way out and a stable code', () => {
  const expected = {
    EPERM: ['E_NEEDS', /root/],
    ENOEXEC: ['E_FILE', /bzImage/],
    ENOMEM: ['E_NEEDS', /256 MiB.*crashkernel=/],
    EADDRNOTAVAIL: ['E_NEEDS', /256 MiB.*crashkernel=/],
    EKEYREJECTED: ['E_NEEDS', /signature/],
    EBADMSG: ['E_NEEDS', /signature/],
    ENOKEY: ['E_NEEDS', /signature/],
    ENOSYS: ['E_NEEDS', /CONFIG_KEXEC_FILE/],
    EBUSY: ['E_SYSCALL', /try again/],
    EINVAL: ['E_SYSCALL', /command line/],
    EIO: ['E_SYSCALL', /kernel log/],
  } as const;
  for (const [errno, [code, line]] of Object.entries(expected)) {
    const error = refusal({
      call: 'kexec_file_load',
      errno,
      kernel: '/boot/vmlinuz',
      reserved: 256 * 2 ** 20,
    });
    assert.equal(error.code, code, errno);
    assert.match(error.toLine(), line);
    assert.match(
      error.toLine(),
      new RegExp(`^/boot/vmlinuz: .*\\(kexec_file_load: ${errno}\\).*;.*\\[${code}\\]$`),
    );
  }
});

test('errno numbers have names, also those that Node does not know', () => {
  assert.equal(errnoName(1), 'EPERM');
  assert.equal(errnoName(8), 'ENOEXEC');
  assert.equal(errnoName(129), 'EKEYREJECTED');
  assert.equal(errnoName(4000), 'errno 4000');
});

test('without a reservation the hint is crashkernel=', () => {
  const hasHint = (error: unknown): boolean =>
    error instanceof VmcoreError && error.code === 'E_NEEDS' && /crashkernel=256M/.test(error.toLine());
  assert.throws(() => checkReservation(() => '0'), hasHint);
  checkReservation(() => String(256 * 2 ** 20));
});

test('a kernel without kexec is E_NEEDS, not "not loaded"', () => {
  assert.throws(() => isLoaded('crash', () => undefined), { code: 'E_NEEDS' });
  assert.equal(
    isLoaded('crash', () => '1'),
    true,
  );
  assert.equal(
    isLoaded('crash', () => '0'),
    false,
  );
});

test('a reused command line loses every crashkernel= and BOOT_IMAGE and nothing else', () => {
  assert.equal(
    reusableCommandLine(
      'BOOT_IMAGE=/vmlinuz-6.1 root=/dev/vda1 crashkernel=256M,high crashkernel=64M,low quiet crashkernelx=1 vmcore.save=--keep-raw\n',
      'crash',
    ),
    'root=/dev/vda1 quiet crashkernelx=1 vmcore.save=--keep-raw',
  );
});

test('a kernel that is rebooted into keeps its own reservation', () => {
  assert.equal(
    reusableCommandLine('BOOT_IMAGE=/a crashkernel=256M quiet', 'reboot'),
    'crashkernel=256M quiet',
  );
});

test('a refused signature is never got round by the other call', () => {
  for (const errno of ['EKEYREJECTED', 'ENOKEY', 'EBADMSG', 'EPERM', 'ENOMEM', 'EADDRNOTAVAIL']) {
    assert.equal(mayTryKexecLoad(errno), false, errno);
  }
  for (const errno of ['ENOSYS', 'ENOEXEC', 'EINVAL', 'EOPNOTSUPP'])
    assert.equal(mayTryKexecLoad(errno), true, errno);
});

test('quotes keep blanks inside a word', () => {
  assert.deepEqual(splitWords('a dyndbg="file ext4 +p" b="x'), ['a', 'dyndbg="file ext4 +p"', 'b="x']);
});
