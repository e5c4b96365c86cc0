import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entriesOfRelease, parseGrubbyInfo } from './grubby.ts';

/** The form of `grubby --info=ALL` on Fedora. */
const info = `index=0
kernel="/boot/vmlinuz-6.12.0-102.el10.x86_64"
args="ro crashkernel=2G-64G:256M,64G-:512M rhgb quiet"
root="UUID=5cb8e5c8"
initrd="/boot/initramfs-6.12.0-102.el10.x86_64.img"
title="Red Hat (6.12.0-102.el10.x86_64)"
id="d2-6.12.0"
index=1
kernel="/boot/vmlinuz-6.12.0-55.el10.x86_64"
args="ro quiet"
root="UUID=5cb8e5c8"
index=2
non linux entry
`;

describe("grubby's entries", () => {
  it('are read', () => {
    assert.deepEqual(parseGrubbyInfo(info), [
      {
        index: '0',
        kernel: '/boot/vmlinuz-6.12.0-102.el10.x86_64',
        crashkernel: '2G-64G:256M,64G-:512M',
      },
      { index: '1', kernel: '/boot/vmlinuz-6.12.0-55.el10.x86_64', crashkernel: undefined },
    ]);
  });

  it('are found by release', () => {
    const entries = parseGrubbyInfo(info);
    assert.deepEqual(
      entriesOfRelease(entries, '6.12.0-55.el10.x86_64').map(({ index }) => index),
      ['1'],
    );
    assert.throws(() => entriesOfRelease(entries, '6.11'), { code: 'E_FILE' });
  });
});
