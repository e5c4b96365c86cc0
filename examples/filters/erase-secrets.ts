/**
 * Erases what tells whose machine it was: its name, the command line it was booted with, and the keys that programs gave to the kernel.
 *
 *   vmcore makedumpfile -z -d 31 --filter examples/filters/erase-secrets.ts vmcore dump
 *
 * The log keeps its lines, but for the command line in them.
 */
import type {
  Filter,
  FilterKernel,
  FilterOutput,
  StructView,
} from '../../src/tools/makedumpfile/filters/api.ts';

const eraseSecrets: Filter = (kernel, output) => {
  const uts = kernel.struct('uts_namespace', kernel.symbol('init_uts_ns'));
  output.eraseMember(uts, 'name.nodename');
  output.eraseMember(uts, 'name.domainname');
  eraseCommandLine(kernel, output);
  eraseInLog(kernel, output, commandLine(kernel));
  for (const key of keys(kernel)) eraseKey(kernel, output, key);
};
export default eraseSecrets;

const commandLine = (kernel: FilterKernel): string =>
  kernel.string(kernel.u64(kernel.symbol('saved_command_line')));

/** The log has text as it was printed, in one piece of memory (kernel/printk/printk.c); long lines are printed in parts. */
function eraseInLog(kernel: FilterKernel, output: FilterOutput, secret: string): void {
  const start = kernel.u64(kernel.symbol('log_buf'));
  const end = start + BigInt(kernel.u32(kernel.symbol('log_buf_len')));
  let log = '';
  // By pages: those that were never written may have been left out before.
  for (let at = start; at < end; ) {
    const length = kernel.pageSize - Number(at % BigInt(kernel.pageSize));
    log += latin1(kernel.tryRead(at, length) ?? new Uint8Array(length));
    at += BigInt(length);
  }
  for (let at = log.indexOf(secret); secret !== '' && at >= 0; at = log.indexOf(secret, at + 1))
    output.erase(start + BigInt(at), secret.length, 'log_buf');
}

const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/** `char *` variables of init/main.c; boot_command_line is gone when the kernel has started. */
function eraseCommandLine(kernel: FilterKernel, output: FilterOutput): void {
  const text = commandLine(kernel);
  for (const name of ['saved_command_line', 'static_command_line']) {
    const variable = kernel.findSymbol(name);
    if (variable !== undefined) output.erase(kernel.u64(variable), text.length, name);
  }
}

/** All keys are in a red-black tree by their serial number (security/keys/key.c). */
function* keys(kernel: FilterKernel): Generator<StructView> {
  const root = kernel.findSymbol('key_serial_tree');
  if (root === undefined) return;
  const offset = kernel.struct('key', 0n).addressOf('serial_node');
  const seen = new Set<bigint>();
  const waiting = [kernel.struct('rb_root', root).pointer('rb_node')];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node === 0n || seen.has(node)) continue;
    seen.add(node);
    yield kernel.struct('key', node - offset);
    const links = kernel.struct('rb_node', node);
    waiting.push(links.pointer('rb_left'), links.pointer('rb_right'));
  }
}

/** "user" and "logon" keys are passwords and the like, in one piece of memory (include/keys/user-type.h). */
function eraseKey(kernel: FilterKernel, output: FilterOutput, key: StructView): void {
  const type = key.follow('type')?.string('name');
  if (type !== 'user' && type !== 'logon') return;
  const payload = key.pointer('payload.data[0]');
  if (payload === 0n) return;
  const secret = kernel.struct('user_key_payload', payload);
  output.erase(secret.addressOf('data'), secret.number('datalen'), `key.${key.number('serial')}`);
}
