/**
 * Copies bytes out of a window: for files whose read(2) costs more than that, as that of /proc/vmcore, which maps and unmaps each page by itself.
 *
 * The window moves only for what looks like a walk through the file. Page tables and lists are read here and there, a page at a time, and a window
 * for each would cost far more than the read.
 */
import { FileWindow, windowMemory } from './file-window.ts';

/** Bytes shown at a time: as many as makedumpfile maps. */
const windowBytes = 4 << 20;
/** Reads of so many bytes are part of a walk. */
const longRead = 64 << 10;
const wasmPage = 65536;

export class WindowReader {
  private readonly window: FileWindow;
  /** Where the last read ended. */
  private last = 0;

  /** Undefined where the file cannot be mapped. */
  static open(fd: number): WindowReader | undefined {
    // The one kind of memory that is certain to be whole pages of nobody else's.
    const memory = new WebAssembly.Memory({ initial: windowMemory(windowBytes) / wasmPage });
    const window = FileWindow.open(fd, new Uint8Array(memory.buffer as ArrayBuffer));
    return window === undefined ? undefined : new WindowReader(window);
  }

  private constructor(window: FileWindow) {
    this.window = window;
  }

  /** How many bytes from `offset` on were copied; what is missing has to be read. */
  read(offset: number, into: Uint8Array): number {
    const isOnward = offset >= this.last && offset - this.last < windowBytes;
    this.last = offset + into.length;
    if (into.length < longRead && !isOnward && !this.window.shows(offset, into.length)) return 0;
    let done = 0;
    while (done < into.length) {
      const part = this.window.showSome(offset + done, into.length - done);
      if (part === undefined) break;
      into.set(part, done);
      done += part.length;
    }
    return done;
  }
}
