import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FileWindow, windowMemory } from './file-window.ts';
import { WindowReader } from './window-reader.ts';

const mib = 2 ** 20;
/** Not whole pages. */
const size = 5 * mib + 1234;
const contents = new Uint8Array(size).map((_, i) => (i * 7) ^ (i >>> 12));

let folder: string;
let path: string;
let fd: number;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-window-test-'));
});
after(() => rmSync(folder, { recursive: true }));

/** A file of its own for each test, open. */
function open(bytes = contents): number {
  path = join(folder, 'file');
  writeFileSync(path, bytes);
  fd = openSync(path, 'r');
  return fd;
}

const newMemory = (bytes: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536) }).buffer as ArrayBuffer);

function assertShows(window: FileWindow, offset: number, length: number): void {
  const shown = window.show(offset, length);
  assert.ok(shown !== undefined, `${length} bytes from ${offset} on`);
  assert.equal(Buffer.compare(shown, contents.subarray(offset, offset + length)), 0);
}

describe('a window onto a file', () => {
  it('shows bytes at any offset, wherever its memory begins', () => {
    for (const skipped of [0, 1, 4097, 65536]) {
      const window = FileWindow.open(open(), newMemory(windowMemory(2 * mib) + skipped).subarray(skipped));
      assert.ok(window !== undefined);
      for (const offset of [0, 5 * mib, 1, 2 * mib - 1000, 3 * mib + 77, 0, size - 1]) {
        assertShows(window, offset, Math.min(1000, size - offset, 2 * mib - (offset % (2 * mib))));
      }
      window.clear();
      closeSync(fd);
    }
  });

  it('shows what begins within a window and ends within the next, if its memory has room for both', () => {
    // It does not begin where windows do.
    const small = FileWindow.open(open(), newMemory(windowMemory(2 * mib)).subarray(1));
    const large = FileWindow.open(fd, newMemory(windowMemory(4 * mib)));
    assert.equal(small?.show(2 * mib - 10, 20), undefined);
    assertShows(large!, 2 * mib - 10, 20);
    // Not when it would have to move for that.
    assertShows(small!, 0, 10);
    assert.equal(small?.show(2 * mib - 10, 20), undefined);
    closeSync(fd);
  });

  it('shows nothing beyond the end of the file, not even the rest of its last page', () => {
    const window = FileWindow.open(open(), newMemory(windowMemory(8 * mib)))!;
    assertShows(window, 0, size);
    assert.equal(window.show(size - 1, 2), undefined);
    assert.equal(window.show(size + 4096, 1), undefined);
    assert.equal(window.show(2 ** 52, 1), undefined);
    closeSync(fd);
  });

  it('shows nothing of what was cut off after the file was opened', () => {
    const window = FileWindow.open(open(), newMemory(windowMemory(2 * mib)))!;
    assertShows(window, 0, 100);
    truncateSync(path, 4 * mib + 10);
    assert.equal(window.show(5 * mib, 100), undefined);
    assertShows(window, 4 * mib, 10);
    closeSync(fd);
  });

  it('leaves plain memory behind', () => {
    const memory = newMemory(windowMemory(2 * mib));
    const window = FileWindow.open(open(), memory)!;
    assertShows(window, 0, mib);
    assert.ok(memory.some((byte) => byte !== 0));
    window.clear();
    assert.ok(memory.every((byte) => byte === 0));
    memory.fill(1);
    assertShows(window, 2 * mib, mib);
    window.clear();
    closeSync(fd);
  });

  it('is not there for what cannot be mapped, nor in too little memory', () => {
    assert.equal(FileWindow.open(open(), newMemory(mib)), undefined);
    closeSync(fd);
    const status = openSync('/proc/self/status', 'r');
    assert.equal(FileWindow.open(status, newMemory(windowMemory(2 * mib))), undefined);
    assert.equal(WindowReader.open(status), undefined);
    closeSync(status);
  });
});

describe('copying out of a window', () => {
  it('gives the same bytes as reading', () => {
    const reader = WindowReader.open(open())!;
    for (const [offset, length] of [
      [0, size],
      [100, 4 * mib],
      [4 * mib - 1, 64 << 10],
      [size - mib, mib],
    ] as const) {
      const into = new Uint8Array(length);
      assert.equal(reader.read(offset, into), length);
      assert.equal(Buffer.compare(into, contents.subarray(offset, offset + length)), 0);
    }
    closeSync(fd);
  });

  it('is left to read(2) where a window is not worth it, or does not reach', () => {
    const reader = WindowReader.open(open())!;
    assert.equal(reader.read(4 * mib + 100, new Uint8Array(4096)), 0, 'here and there');
    assert.equal(reader.read(4 * mib + 8192, new Uint8Array(100)), 100, 'onward');
    assert.equal(reader.read(4 * mib, new Uint8Array(1000)), 1000, 'shown already');
    assert.equal(reader.read(4 * mib, new Uint8Array(mib + 2000)), mib + 1234, 'up to the end');
    assert.equal(reader.read(size, new Uint8Array(mib)), 0, 'beyond it');
    closeSync(fd);
  });
});
