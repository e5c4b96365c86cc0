/**
 * Asks another thread and waits for its answer: what only promises give (fetch, Blob) is read synchronously. The asking thread sleeps meanwhile, on a
 * counter in shared memory that the other one adds to.
 */
import type { MessagePort, Worker } from 'node:worker_threads';
import { nodeWorkerThreads } from './late-modules.ts';

/** What the thread is started with. */
export interface AskedWorkerData {
  readonly port: MessagePort;
  /** One element: the number of answers so far. */
  readonly answers: Int32Array;
}

export class AskingWorker {
  private readonly worker: Worker;
  private readonly port: MessagePort;
  private readonly answers = new Int32Array(new SharedArrayBuffer(4));
  private readonly patience: number;

  /** `file` is the thread's code, which begins with `answerQuestions`; `data` is cloned to it. `patience`: milliseconds. */
  constructor(file: URL, data: Readonly<Record<string, unknown>>, patience: number) {
    this.patience = patience;
    const threads = nodeWorkerThreads();
    const { port1, port2 } = new threads.MessageChannel();
    this.port = port1;
    const workerData: AskedWorkerData = { port: port2, answers: this.answers };
    // It says nothing of TypeScript being stripped, and takes no --test of ours.
    this.worker = new threads.Worker(file, {
      workerData: { ...data, ...workerData },
      transferList: [port2],
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    // Nobody waits for it in an event loop, and a program ends without it.
    this.worker.unref();
    port1.unref();
  }

  /** Its answer, whatever that is; undefined when there was none for as long as `patience`. */
  ask(question: unknown): unknown {
    const before = Atomics.load(this.answers, 0);
    this.port.postMessage(question);
    if (Atomics.wait(this.answers, 0, before, this.patience) === 'timed-out') return undefined;
    return nodeWorkerThreads().receiveMessageOnPort(this.port)?.message;
  }

  close(): void {
    this.port.close();
    void this.worker.terminate();
  }
}

/** The other side: answers each question, one after the other. `answer` must not throw. Bytes of an answer are handed over, not copied. */
export function answerQuestions<Question>(
  { port, answers }: AskedWorkerData,
  answer: (question: Question) => Promise<{ readonly answer: unknown; readonly bytes?: ArrayBuffer }>,
): void {
  port.on('message', (question: Question) => {
    void answer(question).then(({ answer: value, bytes }) => {
      port.postMessage(value, bytes === undefined ? [] : [bytes]);
      Atomics.add(answers, 0, 1);
      Atomics.notify(answers, 0);
    });
  });
}
