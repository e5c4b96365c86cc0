/** The order of a save and what is left of it when a part fails, on a small kernel and a real folder. Whole machines: test/faults.test.ts. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { smallElf, smallLog } from '../../../../test/support/dump-files.ts';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { type RecordingJournal, recordingJournal } from '../../../../test/support/recording-journal.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { nativeCodecs } from '../../../codecs/native.ts';
import type { Dump } from '../../../formats/dump.ts';
import { openDump } from '../../../formats/open.ts';
import { openFile } from '../../../sys/file-source.ts';
import { defaultCollector } from '../conf/collector.ts';
import type { DumpStore } from '../targets/dump-store.ts';
import { folderStore } from '../targets/folder-store.ts';
import type { SavePlan } from './plan.ts';
import { type SaveRequest, type SaveResult, save, statusOf, statusOfError } from './save.ts';

let folder: string;
let vmcore: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'save-test-'));
  vmcore = join(folder, 'vmcore.elf');
  writeFileSync(vmcore, smallElf());
});
after(() => rmSync(folder, { recursive: true }));

const plan: SavePlan = {
  target: { kind: 'filesystem', fileSystem: 'ext4', device: { by: 'path', value: '/dev/vda' } },
  path: '/var/crash',
  collector: defaultCollector('filesystem'),
  hooks: { before: undefined, after: undefined, emergency: undefined },
  fence: { nodes: [], args: [] },
};

interface Tried {
  readonly result: SaveResult | undefined;
  readonly error: unknown;
  readonly journal: RecordingJournal;
  /** What the store was asked for, in its order. */
  readonly asked: readonly string[];
  readonly dumps: string;
}

let runs = 0;
/** `change` makes the store of the test out of a real one. */
async function attempt(
  changes: Partial<SaveRequest> = {},
  change: (store: DumpStore) => Partial<DumpStore> = () => ({}),
): Promise<Tried> {
  const root = join(folder, String(runs++));
  const asked: string[] = [];
  const journal = recordingJournal();
  const openStore = async (address: string): Promise<DumpStore> => {
    const real = folderStore({
      root,
      path: '/var/crash',
      name: `${address}-now`,
      target: 'a folder',
      close: async () => {},
    });
    const store = { ...real, ...change(real) };
    return {
      ...store,
      saveFile: (name, bytes) => {
        asked.push(name);
        return store.saveFile(name, bytes);
      },
      beginDump: (name, shape) => {
        asked.push(`${name} ${shape}`);
        return store.beginDump(name, shape);
      },
      close: () => {
        asked.push('close');
        return store.close();
      },
    };
  };
  const request: SaveRequest = {
    vmcore,
    plan,
    attempt: 'first',
    also: 'nothing',
    hookFolders: { before: join(folder, 'pre.d'), after: join(folder, 'post.d') },
    hookLimit: 20,
    openNetwork: undefined,
    openStore,
    abort: new AbortController().signal,
    ...changes,
  };
  const dumps = join(root, 'var/crash/127.0.0.1-now');
  try {
    return { result: await save(request, journal), error: undefined, journal, asked, dumps };
  } catch (error) {
    return { result: undefined, error, journal, asked, dumps };
  }
}

const namesOf = ({ journal }: Tried): string[] => journal.events.map(({ name }) => name);
const messageOf = ({ journal }: Tried, event: string): string =>
  String(journal.events.find(({ name }) => name === event)?.fields.message);
const filesOf = ({ dumps }: Tried): string[] => readdirSync(dumps).toSorted();
const opened = (file: string): Dump =>
  openDump(openFile(file), { codecs: nativeCodecs(), cutShort: 'refuse' });

function script(text: string): string {
  const file = join(folder, `hook-${runs}`);
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return file;
}
const withHooks = (hooks: Partial<SavePlan['hooks']>): Pick<SaveRequest, 'plan'> => ({
  plan: { ...plan, hooks: { ...plan.hooks, ...hooks } },
});

describe('a save', () => {
  it('tells the reason, keeps the log, then the dump, then its own log, and says where the time went', async () => {
    const tried = await attempt();
    assert.equal(tried.error, undefined);
    assert.ok(tried.result);
    assert.deepEqual(tried.result, {
      outcome: 'saved',
      place: 'a folder /var/crash/127.0.0.1-now/vmcore',
      lost: 0,
    });
    assert.equal(statusOf(tried.result), 0);
    assert.deepEqual(tried.asked, ['vmcore-dmesg.txt', 'vmcore plain', 'kexec-dmesg.log', 'close']);
    assert.deepEqual(filesOf(tried), ['kexec-dmesg.log', 'vmcore', 'vmcore-dmesg.txt']);
    assert.match(readFileSync(join(tried.dumps, 'vmcore-dmesg.txt'), 'utf8'), new RegExp(smallLog[1]!));
    assert.equal(opened(join(tried.dumps, 'vmcore')).describe().incomplete, false);
    const reason = tried.journal.events.find(({ name }) => name === 'crash-reason')?.fields;
    assert.equal(reason?.panic, smallLog[1]);
    const names = namesOf(tried);
    assert.deepEqual(
      [
        'save-start',
        'crash-reason',
        'dmesg-saved',
        'filter-start',
        'dump-size',
        'dump-saved',
        'save-times',
      ].filter((name) => !names.includes(name)),
      [],
    );
    assert.equal(names.at(-1), 'save-times');
  });

  it('runs the hooks before and after it, which hear how it went', async () => {
    const before = script('echo before');
    runs++;
    const post = script('echo "after $1"');
    const tried = await attempt(withHooks({ before, after: post }));
    const said = tried.journal.events
      .filter(({ name }) => name === 'hook-output')
      .map(({ fields }) => fields.message);
    assert.deepEqual(said, ['before', 'after 0']);
    const names = namesOf(tried);
    assert.ok(names.indexOf('hook-done') < names.indexOf('dmesg-saved'));
    assert.ok(names.lastIndexOf('hook-start') > names.indexOf('dump-saved'));
  });

  it('runs what kdump_pre and pre.d put into the folders of hooks, each in its turn', async () => {
    const hookFolders = { before: join(folder, 'late-pre.d'), after: join(folder, 'late-post.d') };
    const put = (file: string, text: string): string =>
      `mkdir -p "$(dirname ${file})"; printf '#!/bin/sh\\n%s\\n' '${text}' >${file}; chmod +x ${file}`;
    const late = put(join(hookFolders.after, '20'), 'echo "by pre.d $1"');
    writeFileSync(join(folder, 'late'), `#!/bin/sh\n${late}\n`, { mode: 0o755 });
    const before = script(
      [
        `mkdir ${hookFolders.before}; cp ${join(folder, 'late')} ${hookFolders.before}`,
        put(join(hookFolders.after, '10'), 'echo "by kdump_pre $1"'),
      ].join('\n'),
    );
    const tried = await attempt({ hookFolders, ...withHooks({ before }) });
    const said = tried.journal.events
      .filter(({ name }) => name === 'hook-output')
      .map(({ fields }) => fields.message);
    assert.deepEqual(said, ['by kdump_pre 0', 'by pre.d 0']);
  });

  it('does not happen when kdump_pre says no, which is no failure, and no news for kdump_post', async () => {
    const before = script('exit 1');
    runs++;
    const post = script('echo after');
    const tried = await attempt(withHooks({ before, after: post }));
    assert.deepEqual(tried.result, { outcome: 'forbidden' });
    assert.equal(statusOf({ outcome: 'forbidden' }), 0);
    assert.match(messageOf(tried, 'dump-forbidden'), /ended with status 1: no dump is saved/);
    assert.deepEqual(tried.asked, []);
    assert.ok(!namesOf(tried).includes('hook-output'));
  });

  it('once more after it was killed does not ask kdump_pre again, and takes one thread and the smallest buffers', async () => {
    const tried = await attempt({ attempt: 'again', ...withHooks({ before: script('exit 1') }) });
    assert.equal(tried.result?.outcome, 'saved');
    const start = tried.journal.events.find(({ name }) => name === 'filter-start')?.fields;
    assert.deepEqual([start?.workers, start?.bitmapBytes], [0, 0]);
    assert.equal(opened(join(tried.dumps, 'vmcore')).describe().incomplete, false);
  });

  it('goes on without its log', async () => {
    const tried = await attempt({}, (store) => ({
      saveFile: async (name, bytes) => {
        if (name === 'vmcore-dmesg.txt') throw new VmcoreError('E_IO', 'no luck');
        return store.saveFile(name, bytes);
      },
    }));
    assert.equal(tried.result?.outcome, 'saved');
    assert.equal(messageOf(tried, 'dmesg-failed'), 'no luck [E_IO]');
    assert.deepEqual(filesOf(tried), ['kexec-dmesg.log', 'vmcore']);
  });

  it('of everything keeps every byte, and beside it the dump when that is asked for', async () => {
    const copied = await attempt({ plan: { ...plan, collector: { kind: 'copy' } } });
    assert.ok(readFileSync(join(copied.dumps, 'vmcore')).equals(readFileSync(vmcore)));
    const both = await attempt({ also: 'raw' });
    assert.deepEqual(filesOf(both), ['kexec-dmesg.log', 'vmcore', 'vmcore-dmesg.txt', 'vmcore.elf']);
    assert.ok(readFileSync(join(both.dumps, 'vmcore.elf')).equals(readFileSync(vmcore)));
  });

  it('that does not fit is tried smaller, and the smallest last of all', async () => {
    const collector = { ...defaultCollector('filesystem'), levels: [0, 1] };
    const tried = await attempt({ plan: { ...plan, collector: { ...collector, sizeLimit: 20_000 } } });
    assert.match(String(tried.error), /size limit/);
    const nexts = tried.journal.events
      .filter(({ name }) => name === 'dump-again')
      .map(({ fields }) => fields.next);
    assert.deepEqual(nexts, ['dump level 1', 'dump level 31']);
    assert.deepEqual(filesOf(tried), ['kexec-dmesg.log', 'vmcore-dmesg.txt', 'vmcore-incomplete']);
    assert.equal(statusOfError(tried.error), 1, 'another target may have room');
  });

  it('that cannot be filtered is saved whole', async () => {
    const other = join(folder, 'no-kernel.elf');
    const bytes = Buffer.from(smallElf());
    // Another name for its note: no vmcoreinfo.
    bytes.write('XMCOREINFO', bytes.indexOf('VMCOREINFO'), 'latin1');
    writeFileSync(other, bytes);
    const tried = await attempt({ vmcore: other });
    assert.equal(tried.result?.outcome, 'saved');
    assert.match(messageOf(tried, 'dump-again'), /VMCOREINFO/);
    assert.equal(opened(join(tried.dumps, 'vmcore')).describe().dumpLevel, 1);
  });

  it('that fails says why once, tells kdump_post, and lets go of the target', async () => {
    const tried = await attempt(withHooks({ after: script('echo "after $1"') }), () => ({
      beginDump: async () => {
        throw new VmcoreError('E_IO', 'the disk is gone');
      },
    }));
    assert.throws(() => {
      throw tried.error;
    }, failsWith('E_IO'));
    assert.equal(messageOf(tried, 'save-failed'), 'the disk is gone [E_IO]');
    assert.equal(messageOf(tried, 'hook-output'), 'after 1');
    assert.deepEqual(tried.asked, ['vmcore-dmesg.txt', 'vmcore plain', 'kexec-dmesg.log', 'close']);
  });

  it('that our own code cannot filter is a copy of every byte', async () => {
    let attempts = 0;
    const tried = await attempt({}, (store) => ({
      beginDump: async (name, shape) => {
        const writer = await store.beginDump(name, shape);
        attempts++;
        if (attempts > 2) return writer;
        const write = (): never => {
          throw new RangeError('a bug');
        };
        return { ...writer, sink: { ...writer.sink, write } };
      },
    }));
    const nexts = tried.journal.events
      .filter(({ name }) => name === 'dump-again')
      .map(({ fields }) => fields.next);
    assert.deepEqual(nexts, ['dump level 1', 'every byte']);
    assert.equal(tried.result?.outcome, 'saved');
    assert.ok(readFileSync(join(tried.dumps, 'vmcore')).equals(readFileSync(vmcore)));
  });

  it('whose own code is wrong ends as one that failed', async () => {
    const tried = await attempt({}, () => ({
      beginDump: () => {
        throw new TypeError('a bug');
      },
    }));
    assert.ok(tried.error instanceof TypeError);
    assert.equal(messageOf(tried, 'save-failed'), 'TypeError: a bug');
    assert.equal(tried.asked.at(-1), 'close');
  });

  it('that is stopped keeps what it has', async () => {
    const abort = new AbortController();
    const tried = await attempt({ abort: abort.signal }, (store) => ({
      beginDump: (name, shape) => {
        abort.abort();
        return store.beginDump(name, shape);
      },
    }));
    assert.match(String(tried.error), /stopped before the dump was complete/);
    assert.equal(statusOfError(tried.error), 1);
    assert.deepEqual(filesOf(tried), ['kexec-dmesg.log', 'vmcore-dmesg.txt', 'vmcore-incomplete']);
  });

  it('to a server needs the network; to a disk, only the cluster does', async () => {
    const openNetwork = async (): Promise<string> => {
      throw new VmcoreError('E_IO', 'no cable');
    };
    const local = await attempt({ openNetwork });
    assert.equal(local.result?.outcome, 'saved');
    assert.equal(messageOf(local, 'network-failed'), 'no cable [E_IO]');
    const target = { kind: 'nfs', server: 'server', exported: '/dumps' } as const;
    const remote = await attempt({ openNetwork, plan: { ...plan, target } });
    assert.match(String(remote.error), /no cable/);
    const reached = await attempt({ openNetwork: async () => '192.0.2.7', plan: { ...plan, target } });
    assert.match(reached.result?.outcome === 'saved' ? reached.result.place : '', /192\.0\.2\.7-now/);
  });
});
