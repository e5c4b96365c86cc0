/**
 * A folder of a server, reached by ssh, as a DumpStore. The client is OpenSSH's own: it is what the administrator tried the key with, and it reads the
 * configuration that is in the image (/etc/ssh/ssh_config, /etc/ssh/ssh_known_hosts). What safety and an end that always comes depend on is said on its
 * command line too: it asks nobody (BatchMode), trusts no host that is not known, and gives up on a server that does not answer.
 *
 * On the server a file is NAME-incomplete until all of it is there and synced; its size is compared before it gets its name, because a connection that
 * breaks looks like the end of the file to the command that writes it. All of it is 0600 and 0700 (umask 0077).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ByteSink } from '../../../base/byte-sink.ts';
import { VmcoreError } from '../../../base/errors.ts';
import { FlattenedSink } from '../../../formats/flattened-sink.ts';
import { requireProgram } from '../../../sys/programs.ts';
import { type SshTarget, targetText } from '../conf/target.ts';
import type { Journal } from '../journal.ts';
import { ssh } from '../openssh.ts';
import { type DumpStore, type DumpWriter, dumpFileName, incompleteName } from './dump-store.ts';
import { runLimited } from './limited.ts';
import { shellCommand } from './shell-quote.ts';
import { sshError } from './ssh-errors.ts';
import { SshStream } from './ssh-stream.ts';
import type { StorePlace } from './store-place.ts';
import { whenReached } from './when-reached.ts';

/** Seconds: for the connection, and between questions to a server that says nothing; it may leave three of them unanswered. */
const connectTimeout = 20;
const aliveInterval = 15;
const aliveCount = 3;
/** One short command, the connection included. Milliseconds. */
const commandLimit = 120_000;
/** For the server to bring a dump to its disk. Milliseconds. */
const syncLimit = 900_000;

/** How ssh is called. */
export interface SshClient {
  readonly program: string;
  /** Options and the host; the command for the server follows. */
  readonly args: readonly string[];
  /** user@host. */
  readonly server: string;
}

/** `more`: options that come first, and so count before those of the configuration. */
export function sshClient({ user, host, key }: SshTarget, more: readonly string[] = []): SshClient {
  const options = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
    IdentitiesOnly: 'yes',
    ConnectTimeout: connectTimeout,
    ServerAliveInterval: aliveInterval,
    ServerAliveCountMax: aliveCount,
    ControlPath: 'none',
    ClearAllForwardings: 'yes',
    // What is told of an error is made of its words.
    LogLevel: 'INFO',
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return {
    program: requireProgram(ssh),
    args: [...more, '-T', '-a', '-x', ...given, '-i', key, '-l', user, '--', host],
    server: `${user}@${host}`,
  };
}

/** The error that sshError() makes of what ssh says, when the folder cannot be made on the server. */
export async function openSsh(
  target: SshTarget,
  place: StorePlace,
  journal: Journal,
  client: SshClient = sshClient(target),
): Promise<DumpStore> {
  const { folder, free } = await makeFolder(client, place, journal);
  return new SshStore(client, `${targetText(target)} ${folder}`, folder, free);
}

/** $1 the folder of all dumps, $2 the name of this one. The marks keep what a login shell says apart from what is ours. */
const makeFolderScript = `
LC_ALL=C; export LC_ALL
umask 0077
mkdir -p -- "$1" || exit 1
name=$2 i=1
until mkdir -- "$1/$name" 2>/dev/null; do
  [ -d "$1/$name" ] || { mkdir -- "$1/$name"; exit 1; }
  i=$((i + 1))
  name=$2-$i
  [ "$i" -le 1000 ] || exit 1
done
echo "vmcore-name: $name"
df -Pk -- "$1" 2>/dev/null | { read -r skip; read -r device blocks used free rest && echo "vmcore-free: $free"; }
:
`;

interface RemoteFolder {
  readonly folder: string;
  /** Bytes. */
  readonly free: number | undefined;
}

async function makeFolder(client: SshClient, place: StorePlace, journal: Journal): Promise<RemoteFolder> {
  const { path, name, serverLimit } = place;
  const attempt = (): Promise<string> => command(client, makeFolderScript, [path, name]);
  const said = await whenReached(attempt, serverLimit, journal);
  const made = /^vmcore-name: (.+)$/m.exec(said)?.[1];
  const kilobytes = /^vmcore-free: (\d+)$/m.exec(said)?.[1];
  if (made === undefined) {
    throw new VmcoreError('E_IO', 'the server did not say what folder it made', {
      file: client.server,
      hint: 'check that its login shell runs commands: ssh USER@HOST true',
    });
  }
  return { folder: join(path, made), free: kilobytes === undefined ? undefined : Number(kilobytes) * 1024 };
}

/** Runs a script to its end and returns what it wrote to its standard output. */
async function command(client: SshClient, script: string, args: readonly string[]): Promise<string> {
  const { program, args: options, server } = client;
  const line = shellCommand(script, args);
  const { status, stdout, stderr } = await runLimited(program, [...options, line], commandLimit);
  if (status !== 0) throw sshError(stderr, server);
  return stdout.toString();
}

/** In all of these: $1 folder, $2 name, $3 its bytes, $4 its final name. */
const inFolder = `
LC_ALL=C; export LC_ALL
umask 0077
cd -- "$1" || exit 1
`;

/** A sync of one file is not in POSIX; the plain one always is. */
const receive = `
cat >"$2-incomplete" || exit 1
sync "$2-incomplete" 2>/dev/null || sync
`;

const keep = `
size=$(wc -c <"$2-incomplete") || exit 1
[ "$size" -eq "$3" ] || { echo "only $size of $3 bytes arrived"; exit 1; } >&2
mv -f -- "$2-incomplete" "$4" || exit 1
sync . 2>/dev/null || sync
`;

class SshStore implements DumpStore {
  readonly place: string;
  private readonly client: SshClient;
  private readonly folder: string;
  private readonly freeAtFirst: number | undefined;
  private readonly errors = mkdtempSync(join(tmpdir(), 'vmcore-ssh-'));
  private readonly streams: SshStream[] = [];

  constructor(client: SshClient, place: string, folder: string, free: number | undefined) {
    this.client = client;
    this.place = place;
    this.folder = folder;
    this.freeAtFirst = free;
  }

  free(): number | undefined {
    return this.freeAtFirst;
  }

  async saveFile(name: string, bytes: Uint8Array): Promise<boolean> {
    // How much will come is known, so one connection does it all: each takes a second on a slow processor.
    const stream = this.stream(inFolder + receive + keep, [name, String(bytes.length), name]);
    stream.write(bytes);
    await stream.end(syncLimit);
    return true;
  }

  async beginDump(name: string, shape: 'plain' | 'flattened'): Promise<DumpWriter> {
    const stream = this.stream(inFolder + receive, [name]);
    const flattened = shape === 'flattened' ? new FlattenedSink(stream) : undefined;
    return {
      sink: flattened ?? inOrder(stream),
      finish: async (outcome) => {
        // Without its end record, a flattened dump is known to be cut short.
        if (outcome === 'complete') flattened?.finish();
        await stream.end(syncLimit);
        if (outcome === 'incomplete') return incompleteName(name);
        const final = dumpFileName(name, shape);
        const args = [this.folder, name, String(stream.size), final];
        await command(this.client, inFolder + keep, args);
        return final;
      },
    };
  }

  async close(): Promise<void> {
    for (const stream of this.streams) stream.stop();
    rmSync(this.errors, { recursive: true, force: true });
  }

  private stream(script: string, args: readonly string[]): SshStream {
    const { program, args: options, server } = this.client;
    const stream = new SshStream({
      program,
      args: [...options, shellCommand(script, [this.folder, ...args])],
      server,
      errorFile: join(this.errors, String(this.streams.length)),
    });
    this.streams.push(stream);
    return stream;
  }
}

const gap = new Uint8Array(1 << 16);

/** Bytes in the order of their offsets; zeros where some are left out. */
function inOrder(stream: SshStream): ByteSink {
  let at = 0;
  return {
    name: stream.name,
    rewritable: false,
    unwritten: 'zeros',
    write(offset, bytes) {
      if (offset < at) throw new Error(`a stream cannot go back from ${at} to ${offset}`);
      for (; at < offset; at += Math.min(gap.length, offset - at)) {
        stream.write(gap.subarray(0, Math.min(gap.length, offset - at)));
      }
      stream.write(bytes);
      at += bytes.length;
    },
  };
}
