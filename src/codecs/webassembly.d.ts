/**
 * The part of the WebAssembly JavaScript interface that the codecs use. Declared here because TypeScript has it only together with the whole
 * browser ("dom"), whose global names (`name`, `event`, `status`…) would hide mistakes everywhere else.
 *
 * Source: W3C WebAssembly JavaScript Interface 2.0.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(
      module: Module,
      imports?: Record<string, Record<string, Memory | ((...args: number[]) => unknown)>>,
    );
    readonly exports: Readonly<Record<string, unknown>>;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
    grow(pages: number): number;
  }
}
