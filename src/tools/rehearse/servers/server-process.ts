/** A server of somebody else's, run on this machine's loopback for a while: started, waited for, and ended with everything it started. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { VmcoreError } from '../../../base/errors.ts';

export interface ServerProcess {
  /** Everything it has said so far. */
  log(): string;
  /** Ends it. */
  stop(): Promise<void>;
}

const startLimit = 20_000;
/** What it gets to end by itself, milliseconds. */
const stopLimit = 3000;

/** Resolves when what it said matches `ready`. E_IO with its last words when it ends before, or says nothing of the kind in 20 s. */
export function startServer(path: string, args: readonly string[], ready: RegExp): Promise<ServerProcess> {
  return new Promise((resolve, reject) => {
    // A group of its own: what serves one connection is another process.
    const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    let isUp = false;
    const ended = new Promise<void>((done) => child.once('close', () => done()));
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // All of it has ended.
      }
    };
    const fail = (why: string): void => {
      clearTimeout(limit);
      signal('SIGKILL');
      reject(
        new VmcoreError('E_IO', `${why}: ${said.trim().split('\n').slice(-5).join(' | ')}`, { file: path }),
      );
    };
    const limit = setTimeout(() => fail('does not come up'), startLimit);
    const hear = (text: string): void => {
      said += text;
      if (isUp || !ready.test(said)) return;
      isUp = true;
      clearTimeout(limit);
      resolve({
        log: () => said,
        async stop() {
          signal('SIGTERM');
          const kill = setTimeout(() => signal('SIGKILL'), stopLimit);
          await ended;
          clearTimeout(kill);
        },
      });
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', hear);
    }
    child.once('error', ({ message }) => fail(message));
    child.once('close', (status) => {
      if (!isUp) fail(`ended with status ${status}`);
    });
  });
}

/** A port of 127.0.0.1 that nobody listened to a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
