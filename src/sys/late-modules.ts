/**
 * Parts of Node that load slowly (node:crypto alone is fifty internal modules) and are not needed in most runs: loaded at their first use, so that
 * `vmcore save` starts without them in the capture kernel.
 */
export const nodeCrypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');
export const nodeChildProcess = (): typeof import('node:child_process') =>
  process.getBuiltinModule('node:child_process');
export const nodeDgram = (): typeof import('node:dgram') => process.getBuiltinModule('node:dgram');
export const nodeDns = (): typeof import('node:dns/promises') =>
  process.getBuiltinModule('node:dns/promises');
export const nodeNet = (): typeof import('node:net') => process.getBuiltinModule('node:net');
export const nodeWorkerThreads = (): typeof import('node:worker_threads') =>
  process.getBuiltinModule('node:worker_threads');
