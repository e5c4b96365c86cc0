/**
 * Carries out the erase commands of makedumpfile --config: finds what they name in the crashed kernel and puts it into the plan.
 *
 * What an expression means follows erase_info.c of makedumpfile 1.7.9: a pointer stands for what it points to, a `char *` for a string of up to 1024
 * characters; `nullify` for the pointer itself. Types of variables come from DWARF (-x), from BTF for what it has, and from a short table of
 * variables that BTF leaves out; else the file says them. names.ts has what a module's section changes.
 */
import { type ErrorCode, VmcoreError } from '../../../base/errors.ts';
import { asVaddr } from '../../../base/units.ts';
import type { Kernel } from '../../../kernel/kernel.ts';
import { walkChain } from '../../../kernel/lists/lists.ts';
import { typeOfName } from '../../../kernel/types/type-names.ts';
import { findMember, type StructType, sizeOf, type Type, unaliased } from '../../../kernel/types/types.ts';
import {
  atLine,
  type Command,
  type EraseCommand,
  type Expression,
  type LoopCommand,
} from './erase-config.ts';
import type { Names } from './names.ts';
import type { PlanBuilder } from './plan.ts';
import { readString } from './struct-view.ts';

/** BUFSIZE of makedumpfile.h. */
const maxString = 1024;

/** An object in memory. */
interface Value {
  readonly address: bigint;
  readonly type: Exclude<Type, { kind: 'alias' }>;
}

type Scope = ReadonlyMap<string, Value>;
const noScope: Scope = new Map();

export class EraseRun {
  private readonly file: string;
  private readonly kernel: Kernel;
  private readonly names: Names;
  private readonly builder: PlanBuilder;

  /** `names`: of the section that the commands are in. */
  constructor(file: string, kernel: Kernel, names: Names, builder: PlanBuilder) {
    this.file = file;
    this.kernel = kernel;
    this.names = names;
    this.builder = builder;
  }

  /**
   * E_NO_INFO, naming FILE:LINE, for symbols, types and members that nothing knows; E_USAGE for what makes no sense of them. What cannot be reached
   * because it is not in the vmcore is a remark.
   */
  run(commands: readonly Command[]): void {
    for (const command of commands) {
      const { line } = command.kind === 'erase' ? command.target : command.list;
      this.guard(line, () => {
        if (command.kind === 'erase') this.erase(command, noScope);
        else this.loop(command);
      });
    }
  }

  private loop(loop: LoopCommand): void {
    const { variable, body } = loop;
    for (const element of this.elements(loop)) {
      const scope = new Map([[variable, element]]);
      for (const command of body) this.guard(command.target.line, () => this.erase(command, scope));
    }
  }

  private erase({ target, size }: EraseCommand, scope: Scope): void {
    const label = target.names.join('.');
    const value = this.evaluate(target, scope);
    if (value === undefined) return;
    if (size.kind === 'nullify') {
      if (value.type.kind !== 'pointer')
        throw this.wrong(target, `${label} is no pointer: nullify is for those`);
      this.builder.erase(value.address, value.type.size, label, 'zeros');
      return;
    }
    const object = this.pointedTo(value, target);
    if (object === undefined) return;
    let length: number;
    if (size.kind === 'bytes') length = size.bytes;
    else if (size.kind === 'expression') length = this.integer(size.expression, scope);
    else length = this.ownSize(object, value, target);
    if (length > 0) this.builder.erase(object.address, length, label, 'X');
  }

  private ownSize(object: Value, value: Value, target: Expression): number {
    const isString =
      value.type.kind === 'pointer' && object.type.kind === 'base' && object.type.name === 'char';
    if (isString) return readString(this.kernel, object.address, maxString).length;
    const size = sizeOf(object.type);
    if (size !== undefined && size > 0) return size;
    throw this.wrong(
      target,
      `nothing tells how large ${target.names.join('.')} is: give it a size, or nullify`,
    );
  }

  private integer(expression: Expression, scope: Scope): number {
    const name = expression.names.join('.');
    const value = this.evaluate(expression, scope);
    const object = value === undefined ? undefined : this.pointedTo(value, expression);
    if (object === undefined) return 0;
    const { type, address } = object;
    if ((type.kind !== 'base' && type.kind !== 'enum') || type.size > 8)
      throw this.wrong(expression, `${name} is no integer that could be a size`);
    const bytes = this.kernel.read(asVaddr(address), type.size);
    const ascending = this.kernel.dump.littleEndian ? bytes : bytes.toReversed();
    return Number(ascending.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
  }

  /** Undefined when a pointer on the way is null: then there is nothing, and a remark says so. */
  private evaluate(expression: Expression, scope: Scope): Value | undefined {
    const [first, ...members] = expression.names;
    const variable = scope.get(first!);
    let value = variable ?? this.global(expression, first!);
    for (const name of members) {
      const object = this.pointedTo(value, expression);
      if (object === undefined) return undefined;
      value = this.member(object, name, expression);
    }
    return value;
  }

  private global(expression: Expression, name: string): Value {
    const address = this.names.symbol(name);
    const { cast } = expression;
    const type =
      cast === undefined
        ? this.names.variable(name)
        : typeOfName(this.names.layouts, cast.isPointer ? `${cast.type} *` : cast.type);
    if (type !== undefined) return { address, type: unaliased(type) };
    // Also with a size: a pointer's data is elsewhere.
    throw noInfo(`nothing tells what ${cast === undefined ? `the variable ${name}` : cast.type} is`);
  }

  private member({ address, type }: Value, name: string, expression: Expression): Value {
    const path = expression.names.join('.');
    if (type.kind !== 'struct' && type.kind !== 'union') {
      const what = type.kind === 'array' ? 'an array: use a loop' : 'no structure';
      throw this.wrong(expression, `${path}: what "${name}" should be a member of is ${what}`);
    }
    const found = findMember(type, name);
    if (found === undefined)
      throw this.wrong(expression, `struct ${type.name} has no member ${name}`, 'E_NO_INFO');
    return { address: asVaddr(address + BigInt(found.offset)), type: unaliased(found.member.type()) };
  }

  /** What a pointer points to, or the value itself. */
  private pointedTo(value: Value, expression: Expression): Value | undefined {
    if (value.type.kind !== 'pointer') return value;
    const address = this.kernel.readPointer(asVaddr(value.address));
    if (address !== 0n) return { address, type: unaliased(value.type.target()) };
    this.builder.remark(
      `${atLine(this.file, expression.line)}: a null pointer in ${expression.names.join('.')}: nothing to erase`,
    );
    return undefined;
  }

  private *elements(loop: LoopCommand): Generator<Value> {
    const { list, via, within } = loop;
    const name = list.names.join('.');
    const last = list.names.at(-1)!;
    // "head.next" is the head with the direction to walk in.
    const holder =
      list.names.length > 1 && (last === 'next' || last === 'prev')
        ? this.evaluate({ ...list, names: list.names.slice(0, -1) }, noScope)
        : undefined;
    if (holder !== undefined && isListHead(holder.type)) {
      yield* this.listElements(holder.address, last, loop);
      return;
    }
    const value = this.evaluate(list, noScope);
    if (value === undefined) return;
    if (isListHead(value.type)) {
      yield* this.listElements(value.address, 'next', loop);
    } else if (value.type.kind === 'array') {
      if (within !== undefined || via !== undefined)
        throw this.wrong(list, `${name} is an array: it needs no via or within`);
      const type = unaliased(value.type.element());
      const size = sizeOf(type) ?? 0;
      for (let i = 0; i < value.type.length; i++) {
        const element = { address: asVaddr(value.address + BigInt(i * size)), type };
        const isNull = type.kind === 'pointer' && this.kernel.readPointer(asVaddr(element.address)) === 0n;
        if (!isNull) yield element;
      }
    } else {
      const first = this.pointedTo(value, list);
      if (first === undefined) return;
      if (first.type.kind !== 'struct' && first.type.kind !== 'union')
        throw this.wrong(list, `${name} is no array, list_head or structure`);
      yield* this.chainElements(first.address, first.type, loop);
    }
  }

  private *listElements(head: bigint, direction: string, { list, within }: LoopCommand): Generator<Value> {
    if (within === undefined)
      throw this.wrong(list, `${list.names.join('.')} is a list_head: say within STRUCT:MEMBER`);
    const type = this.names.layouts.struct(within.struct);
    if (type === undefined) throw noInfo(`nothing tells what a struct ${within.struct} is`);
    const path = within.member.split('.');
    const { address: offset, type: linkType } = path.reduce<Value>(
      (value, name) => this.member(value, name, list),
      { address: 0n, type },
    );
    if (!isListHead(linkType)) throw this.wrong(list, `${within.struct}:${within.member} is no list_head`);
    const nextOffset = direction === 'next' ? 0 : 8;
    const first = this.kernel.readPointer(asVaddr(head + BigInt(nextOffset)));
    for (const node of walkChain(this.kernel, first, nextOffset, head))
      yield { address: asVaddr(node - offset), type };
  }

  /** From structure to structure by a member that points to the next, up to null or back to the first. */
  private *chainElements(first: bigint, type: StructType, { list, via }: LoopCommand): Generator<Value> {
    const next = this.member({ address: 0n, type }, via ?? 'next', list);
    const target = next.type.kind === 'pointer' ? unaliased(next.type.target()) : undefined;
    if ((target?.kind !== 'struct' && target?.kind !== 'union') || target.name !== type.name)
      throw this.wrong(list, `${type.name}.${via ?? 'next'} is no pointer to a ${type.name}`);
    const offset = Number(next.address);
    yield { address: first, type };
    const second = this.kernel.readPointer(asVaddr(first + BigInt(offset)));
    if (second === first) return;
    for (const node of walkChain(this.kernel, second, offset, 0n)) {
      if (node === first) return;
      yield { address: node, type };
    }
  }

  private wrong(expression: Expression, what: string, code: ErrorCode = 'E_USAGE'): VmcoreError {
    return new VmcoreError(code, what, {
      file: atLine(this.file, expression.line),
      hint: 'see makedumpfile.conf(5)',
    });
  }

  /** Says FILE:LINE of every failure; what is not in the vmcore is no failure. */
  private guard(line: number, work: () => void): void {
    const file = atLine(this.file, line);
    try {
      work();
    } catch (error) {
      if (!(error instanceof VmcoreError) || error.file?.startsWith(`${this.file}:`)) throw error;
      if (error.code === 'E_UNREADABLE') this.builder.remark(`${file}: ${error.message}`);
      else throw new VmcoreError(error.code, error.message, { file, hint: error.hint, cause: error });
    }
  }
}

const isListHead = (type: Type): boolean => type.kind === 'struct' && type.name === 'list_head';

const noInfo = (what: string): VmcoreError =>
  new VmcoreError('E_NO_INFO', what, {
    hint: 'give the vmlinux with -x, or say (TYPE)SYMBOL or (TYPE*)SYMBOL',
  });
