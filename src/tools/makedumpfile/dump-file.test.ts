import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { failsWith } from '../../../test/support/expect-error.ts';
import { fakeDump } from '../../../test/support/fake-dump.ts';
import { SparseMemory } from '../../../test/support/sparse-memory.ts';
import { type ErrorCode, VmcoreError } from '../../base/errors.ts';
import { silentProgress } from '../../base/progress.ts';
import { openDump } from '../../formats/open.ts';
import { openFile } from '../../sys/file-source.ts';
import { type DumpFileRequest, makeDumpFile } from './dump-file.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'dump-file-test-'));
});
after(() => rmSync(folder, { recursive: true }));

let files = 0;
const newPath = (): string => join(folder, `dump-${files++}`);
const memory = (): SparseMemory => new SparseMemory([{ start: 0, end: 16 * 4096 }]);

type Changes = Partial<Pick<DumpFileRequest, 'dump' | 'ifExists' | 'level' | 'onFailure'>>;

function request(path: string, more: Changes = {}): DumpFileRequest {
  return {
    dump: fakeDump({ memory: memory() }),
    paths: [path],
    ifExists: 'refuse',
    level: 0,
    format: { kind: 'kdump', codec: undefined },
    resources: { workers: 0, bitmapBytes: 2 ** 20 },
    progress: silentProgress,
    durability: 'disk',
    onFailure: 'keep-when-stopped',
    ...more,
  };
}

/** A dump that fails with `code` when it is read. */
function failing(code: ErrorCode): DumpFileRequest['dump'] {
  const broken = memory();
  broken.read = () => {
    throw new VmcoreError(code, 'broken by the test');
  };
  return fakeDump({ memory: broken });
}
const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

describe('a dump file', () => {
  it('is there when the promise is kept, and only its owner can read it', async () => {
    const path = newPath();
    await makeDumpFile(request(path));
    assert.equal(readFileSync(path).toString('latin1', 0, 8), 'KDUMP   ');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('does not replace a file, unless it is told to', async () => {
    const path = newPath();
    writeFileSync(path, 'precious');
    await assert.rejects(makeDumpFile(request(path)), failsWith('E_EXISTS', /already exists/));
    assert.equal(readFileSync(path, 'utf8'), 'precious');
    await makeDumpFile(request(path, { ifExists: 'overwrite' }));
    assert.equal(readFileSync(path).toString('latin1', 0, 8), 'KDUMP   ');
  });

  it('is not readable by others, though the file that it replaces was', async () => {
    const path = newPath();
    writeFileSync(path, 'public', { mode: 0o644 });
    await makeDumpFile(request(path, { ifExists: 'overwrite' }));
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('may replace the dump that it is made from', async () => {
    const path = newPath();
    await makeDumpFile(request(path));
    const before = readFileSync(path);
    const source = openFile(path);
    const dump = openDump(source, { codecs: {}, cutShort: 'refuse' });
    await makeDumpFile(request(path, { dump, ifExists: 'overwrite' }));
    source.close();
    const after = readFileSync(path);
    assert.equal(after.length, before.length);
    assert.deepEqual(after.subarray(4096), before.subarray(4096));
  });

  it('in a folder that is not there cannot be made', async () => {
    await assert.rejects(
      makeDumpFile(request(join(folder, 'no', 'dump'))),
      failsWith('E_FILE', /no such file/),
    );
  });
});

describe('what is left of a dump file that failed', () => {
  const policies: [onFailure: DumpFileRequest['onFailure'], code: ErrorCode, isLeft: boolean][] = [
    ['keep-when-stopped', 'E_UNSUPPORTED', false],
    ['keep-when-stopped', 'E_NO_SPACE', true],
    ['keep', 'E_UNSUPPORTED', true],
    ['keep', 'E_NO_SPACE', true],
  ];
  for (const [onFailure, code, isLeft] of policies) {
    it(`is ${isLeft ? 'kept, marked incomplete' : 'removed'}: ${onFailure}, ${code}`, async () => {
      const path = newPath();
      await assert.rejects(
        makeDumpFile(request(path, { dump: failing(code), onFailure })),
        failsWith(code, /broken by the test/),
      );
      assert.equal(exists(path), isLeft);
      if (isLeft) assert.equal(readFileSync(path).readUInt32LE(424) & 8, 8);
    });
  }

  it('is nothing when the dump cannot be filtered at that level', async () => {
    const path = newPath();
    await assert.rejects(makeDumpFile(request(path, { level: 31 })), failsWith('E_NO_INFO'));
    assert.equal(exists(path), false);
  });
});
