import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ageText, statusFields, statusHeadline, statusWarnings } from './describe.ts';
import type { ServiceStatus } from './status.ts';

const MiB = 2 ** 20;
const now = Date.parse('2026-11-22T09:00:00Z');

const armed: ServiceStatus = {
  armed: true,
  reserved: 256 * MiB,
  loaded: {
    kernel: '/boot/vmlinuz-6.1',
    release: '6.1',
    image: '/var/lib/kdump/initramfs-6.1kdump.img',
    imageSize: 45 * MiB,
    imageBuilt: '2026-11-21T08:00:00Z',
    loadedAt: '2026-11-22T08:57:00Z',
    call: 'kexec_file_load',
  },
  target: {
    target: 'ext4 UUID=1',
    folder: '/var/crash',
    room: { bytes: 3 * 1024 * MiB, why: undefined },
    largestDump: 400 * MiB,
  },
  stale: [],
  unknown: undefined,
  lastTest: undefined,
  newestDump: undefined,
};
const off: ServiceStatus = { ...armed, armed: false, reserved: 0, loaded: undefined };
const lines = (status: ServiceStatus): string[] =>
  statusFields(status, now).map(([label, value]) => `${label}: ${value}`);

describe('the status in words', () => {
  it('tells kernel, image, reservation, target, room and age', () => {
    assert.equal(statusHeadline(armed), 'Kdump is operational');
    assert.deepEqual(lines(armed), [
      'Kernel: /boot/vmlinuz-6.1 (by kexec_file_load, 3 minutes ago)',
      'Image: /var/lib/kdump/initramfs-6.1kdump.img, 45.0 MiB, built 1 day ago',
      'crashkernel: 256 MiB reserved',
      'Target: ext4 UUID=1, folder /var/crash, 3.0 GiB free',
    ]);
    assert.deepEqual(statusWarnings(armed), []);
  });

  it('says what is off, and why', () => {
    assert.equal(statusHeadline(off), 'Kdump is not operational');
    assert.deepEqual(lines({ ...off, target: undefined }), ['crashkernel: nothing is reserved']);
    assert.match(statusWarnings(off)[0] ?? '', /reset-crashkernel, then reboot/);
  });

  it('warns of what is stale, too small or unknown', () => {
    const changed = { ...armed, stale: ['the configuration has changed', '/etc/x is new'] };
    assert.match(statusWarnings(changed)[0] ?? '', /the configuration has changed; \/etc\/x is new$/);
    const small = { ...armed, target: { ...armed.target!, room: { bytes: 100 * MiB, why: undefined } } };
    assert.match(statusWarnings(small)[0] ?? '', /up to 400 MiB before compression.*100 MiB of room/);
    assert.deepEqual(statusWarnings({ ...armed, unknown: 'no such device' }), ['no such device']);
    const away = { ...armed.target!, room: { bytes: undefined, why: 'not mounted' } };
    assert.equal(
      lines({ ...armed, target: away }).at(-1),
      'Target: ext4 UUID=1, folder /var/crash, free space unknown: not mounted',
    );
  });

  it('tells of the last test and the newest dump', () => {
    const test = {
      when: '2026-11-22T07:00:00Z',
      arrived: true,
      seconds: 31.4,
      reserved: 256 * MiB,
      leastAvailable: 90 * MiB,
      release: '6.1',
      imageSize: 45 * MiB,
    };
    assert.deepEqual(lines({ ...armed, lastTest: test, newestDump: '/var/crash/x' }).slice(-2), [
      'Newest dump: /var/crash/x',
      'Last test: 2 hours ago: the dump arrived in 31 s, 90.0 MiB of 256 MiB to spare',
    ]);
    assert.equal(
      lines({ ...armed, lastTest: { ...test, arrived: false } }).at(-1),
      'Last test: 2 hours ago: no whole dump arrived',
    );
  });

  it('counts time in words', () => {
    const ago = (seconds: number): string => ageText(new Date(now - seconds * 1000).toISOString(), now);
    assert.deepEqual(
      [ago(5), ago(60), ago(3599), ago(86_400), ago(-5), ageText('', now)],
      ['just now', '1 minute ago', '59 minutes ago', '1 day ago', 'just now', 'at an unknown time'],
    );
  });
});
