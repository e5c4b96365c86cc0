/** What filter modules want of the dump (api.ts), put into the plan. */
import type { FilterOutput, StructView } from './api.ts';
import type { CrashedKernel } from './filter-kernel.ts';
import type { PlanBuilder } from './plan.ts';

export class PlannedOutput implements FilterOutput {
  private readonly kernel: CrashedKernel;
  private readonly builder: PlanBuilder;
  private readonly file: string;

  /** `file` is the module's, for its notes. */
  constructor(kernel: CrashedKernel, builder: PlanBuilder, file: string) {
    this.kernel = kernel;
    this.builder = builder;
    this.file = file;
  }

  erase(address: bigint, length: number, label: string): void {
    this.builder.erase(address, length, oneWord(label), 'X');
  }

  eraseMember(view: StructView, path: string): void {
    this.erase(view.addressOf(path), view.sizeOf(path), `${view.type}.${path}`);
  }

  eraseString(view: StructView, path: string): void {
    this.erase(view.pointer(path), view.string(path).length, `${view.type}.${path}`);
  }

  nullify(view: StructView, path: string): void {
    // Asked for its value so that only pointers are made null.
    view.pointer(path);
    this.builder.erase(view.addressOf(path), view.sizeOf(path), `${view.type}.${path}`, 'zeros');
  }

  dropPage(address: bigint): void {
    const size = BigInt(this.kernel.pageSize);
    const from = (address / size) * size;
    this.dropPages(from, from + size);
  }

  dropPages(from: bigint, to: bigint): void {
    this.builder.choose('drop', { from, to }, 'inward');
  }

  keepPages(from: bigint, to: bigint): void {
    this.builder.choose('keep', { from, to }, 'outward');
  }

  eraseUser(task: StructView, address: bigint, length: number, label: string): void {
    const translate = this.kernel.userSpace(task);
    if (translate !== undefined) this.builder.erase(address, length, oneWord(label), 'X', translate);
  }

  keepUser(task: StructView, from: bigint, to: bigint): void {
    const translate = this.kernel.userSpace(task);
    if (translate !== undefined) this.builder.choose('keep', { from, to }, 'outward', translate);
  }

  note(text: string): void {
    this.builder.remark(`${this.file}: ${text}`);
  }
}

/** A label is a word in a line of the dump's erase information. */
const oneWord = (label: string): string => label.replace(/[^\x21-\x7e]+/g, '_') || '(unnamed)';
