/** Orders to a running QEMU through its monitor's socket (QMP, docs/interop/qmp-spec.rst of QEMU 7.2). */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { VmcoreError } from '../../src/base/errors.ts';

/** Milliseconds. */
const timeout = 20_000;

/** Gives one order and waits until it was carried out. E_IO when QEMU refuses or does not answer. */
export async function orderQemu(socket: string, order: string): Promise<void> {
  const connection = connect(socket);
  connection.setTimeout(timeout, () => connection.destroy(new Error('no answer')));
  try {
    // A greeting, then an answer to each order; events may come in between.
    const orders = ['qmp_capabilities', order];
    for await (const line of createInterface({ input: connection })) {
      const message = JSON.parse(line) as Record<string, unknown>;
      if ('error' in message) throw new Error(JSON.stringify(message.error));
      if (!('QMP' in message || 'return' in message)) continue;
      const next = orders.shift();
      if (next === undefined) return;
      connection.write(`${JSON.stringify({ execute: next })}\n`);
    }
    throw new Error('it closed the connection');
  } catch (cause) {
    throw new VmcoreError(
      'E_IO',
      `QEMU's monitor: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        file: socket,
        cause,
      },
    );
  } finally {
    connection.destroy();
  }
}
