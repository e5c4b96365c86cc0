/**
 * What went wrong with ssh, in one line: told from its last words, because its exit status is 255 for all of it. Sources: the messages of OpenSSH 9.2
 * (sshconnect.c, sshconnect2.c, clientloop.c), and strerror() of glibc.
 */
import { type ErrorCode, VmcoreError } from '../../../base/errors.ts';
import { isUnreachable } from './when-reached.ts';

interface Known {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
}

/** The first that matches counts. */
const knownErrors: readonly Known[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    code: 'E_NEEDS',
    what: 'the host key of the server has changed: nothing is sent to it',
    hint: 'make sure that it is the right server, mend known_hosts, and run vmcore kdumpctl restart',
  },
  {
    pattern: /Host key verification failed|No .* host key is known/,
    code: 'E_NEEDS',
    what: 'the host key of the server is not known: nothing is sent to it',
    hint: 'connect to it once by hand, and run vmcore kdumpctl restart',
  },
  {
    pattern: /Permission denied \(|Too many authentication failures|Load key .*: /,
    code: 'E_NEEDS',
    what: 'the server does not let us in: permission denied for the key',
    hint: 'run vmcore kdumpctl propagate',
  },
  {
    pattern: /No space left on device|Disk quota exceeded/,
    code: 'E_NO_SPACE',
    what: 'no space left on the server',
    hint: 'free some there, or name another path',
  },
  {
    pattern: /Read-only file system/,
    code: 'E_FILE',
    what: 'the file system of the server is read-only',
    hint: 'name another path',
  },
  {
    pattern: /Permission denied/,
    code: 'E_FILE',
    what: 'the user may not write to the folder on the server',
    hint: 'give it to that user, or name another path',
  },
  {
    pattern: /Connection refused/,
    code: 'E_IO',
    what: 'the server refuses the connection',
    hint: 'check that sshd runs there, and its port',
  },
  {
    pattern: /Could not resolve hostname/,
    code: 'E_FILE',
    what: "the server's name has no address",
    hint: 'name its address in kdump.conf, or run vmcore kdumpctl restart, which notes the addresses of names',
  },
  {
    pattern:
      /not responding|Connection reset|Connection closed|Broken pipe|closed by remote host|lost connection/i,
    code: 'E_IO',
    what: 'the server went away',
    hint: 'look at its log; what it has is named -incomplete',
  },
];

/** `said`: all that ssh wrote to its stderr. `server`: user@host. */
export function sshError(said: string, server: string): VmcoreError {
  const known = knownErrors.find(({ pattern }) => pattern.test(said));
  const words = lastWords(said);
  if (known !== undefined) {
    return new VmcoreError(known.code, `${known.what}${words && ` (ssh: ${words})`}`, {
      file: server,
      hint: known.hint,
    });
  }
  if (isUnreachable(said)) {
    return new VmcoreError('E_IO', `the server cannot be reached (ssh: ${words})`, {
      file: server,
      hint: 'check the network and the address of the server',
    });
  }
  return new VmcoreError('E_IO', `ssh failed: ${words || 'it said nothing'}`, {
    file: server,
    hint: 'try the same with ssh by hand',
  });
}

/** The last line that says something: banners and rulers of @ do not. */
function lastWords(said: string): string {
  const lines = said.split(/\r?\n/).map((line) => line.trim());
  return lines.findLast((line) => /[a-z]/i.test(line)) ?? '';
}
