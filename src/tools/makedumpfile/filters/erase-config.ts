/**
 * The erase commands of makedumpfile --config, as text: makedumpfile.conf(5) (1.7.9).
 *
 *   [vmlinux] or [MODULE]
 *   erase EXPRESSION [size BYTES[K|M] | size EXPRESSION | nullify]
 *   for NAME in EXPRESSION [via MEMBER | within STRUCT:MEMBER]
 *           erase NAME[.MEMBER…] …
 *   endfor
 *
 * EXPRESSION is SYMBOL[.MEMBER…], with a dot also behind pointers. Ours: (TYPE)SYMBOL and (TYPE*)SYMBOL say what a variable is, where nothing else
 * tells. A command may take several lines; # begins a comment. Where the original skips what it does not understand, this is an error: what should
 * have been erased must not be written.
 */
import { VmcoreError } from '../../../base/errors.ts';

export interface Expression {
  /** A symbol or the variable of a loop, and members. */
  readonly names: readonly string[];
  /** What the symbol is, when told. */
  readonly cast: { readonly type: string; readonly isPointer: boolean } | undefined;
  readonly line: number;
}

export type SizeOf =
  | { readonly kind: 'type' }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'expression'; readonly expression: Expression };

export interface EraseCommand {
  readonly kind: 'erase';
  readonly target: Expression;
  /** "nullify": the pointer itself becomes null. */
  readonly size: SizeOf | { readonly kind: 'nullify' };
}

export interface LoopCommand {
  readonly kind: 'for';
  readonly variable: string;
  readonly list: Expression;
  readonly via: string | undefined;
  readonly within: { readonly struct: string; readonly member: string } | undefined;
  readonly body: readonly EraseCommand[];
}

export type Command = EraseCommand | LoopCommand;

/** Commands that name symbols and types of one module, or (undefined) of vmlinux. */
export interface Section {
  readonly module: string | undefined;
  readonly line: number;
  readonly commands: readonly Command[];
}

const keywords = new Set(['erase', 'size', 'nullify', 'for', 'in', 'via', 'within', 'endfor']);

interface Token {
  readonly text: string;
  readonly line: number;
}

/** Errors name FILE:LINE. E_USAGE for what cannot be read. */
export function parseEraseConfig(text: string, file: string): Section[] {
  return sectionsOf(text, file)
    .map(({ module, line, tokens }) => ({ module, line, commands: new Parser(tokens, file).commands() }))
    .filter(({ commands }) => commands.length > 0);
}

export const atLine = (file: string, line: number): string => `${file}:${line}`;

interface TokenSection {
  readonly module: string | undefined;
  readonly line: number;
  readonly tokens: Token[];
}

function sectionsOf(text: string, file: string): TokenSection[] {
  const sections: TokenSection[] = [{ module: undefined, line: 1, tokens: [] }];
  text.split('\n').forEach((raw, i) => {
    const line = i + 1;
    if (raw.startsWith('[')) {
      if (!raw.includes(']')) throw wrong(file, line, 'a section without its "]"');
      const name = /^\[([\w-]+)\]/.exec(raw)?.[1];
      if (name === undefined) throw wrong(file, line, 'a section that is not [vmlinux] or [MODULE]');
      sections.push({ module: name === 'vmlinux' ? undefined : name, line, tokens: [] });
      return;
    }
    const { tokens } = sections.at(-1)!;
    for (const [word] of raw.replace(/#.*/, '').matchAll(/\S+/g)) tokens.push({ text: word, line });
  });
  return sections;
}

const wrong = (file: string, line: number, what: string): VmcoreError =>
  new VmcoreError('E_USAGE', what, { file: atLine(file, line), hint: 'see makedumpfile.conf(5)' });

class Parser {
  private readonly tokens: readonly Token[];
  private readonly file: string;
  private at = 0;

  constructor(tokens: readonly Token[], file: string) {
    this.tokens = tokens;
    this.file = file;
  }

  commands(): Command[] {
    const commands: Command[] = [];
    while (this.at < this.tokens.length) {
      if (this.accept('erase')) commands.push(this.erase(undefined));
      else if (this.accept('for')) commands.push(this.loop());
      else throw this.wrong(`"${this.tokens[this.at]!.text}" where erase or for should be`);
    }
    return commands;
  }

  /** `variable`: of the loop it is in. */
  private erase(variable: string | undefined): EraseCommand {
    const target = this.expression('what to erase');
    if (variable !== undefined && target.names[0] !== variable) {
      throw wrong(this.file, target.line, `within a loop erase begins with its variable, "${variable}"`);
    }
    return { kind: 'erase', target, size: this.size() };
  }

  private size(): EraseCommand['size'] {
    if (this.accept('nullify')) return { kind: 'nullify' };
    if (!this.accept('size')) return { kind: 'type' };
    const text = this.tokens[this.at]?.text ?? '';
    const number = /^(\d{1,15})([KkMm]?)$/.exec(text);
    if (number === null) {
      if (/^[-+\d]/.test(text)) throw this.wrong(`"${text}" is no size`);
      return { kind: 'expression', expression: this.expression('a size') };
    }
    this.at++;
    const unit = { '': 1, k: 1024, m: 1024 ** 2 }[number[2]!.toLowerCase()] ?? 1;
    return { kind: 'bytes', bytes: Number(number[1]) * unit };
  }

  private loop(): LoopCommand {
    const variable = this.word('the variable of a loop').text;
    if (!/^[A-Za-z_]\w*$/.test(variable)) throw this.wrong(`"${variable}" is no name for a variable`, -1);
    if (!this.accept('in')) throw this.wrong('no "in" after the variable of a loop');
    const list = this.expression('a list');
    const via = this.accept('via') ? this.word('a member after via').text : undefined;
    const within = via === undefined && this.accept('within') ? this.structAndMember() : undefined;
    const body: EraseCommand[] = [];
    while (!this.accept('endfor')) {
      if (!this.accept('erase')) {
        const found = this.tokens[this.at];
        if (found === undefined) throw wrong(this.file, list.line, 'a loop without its "endfor"');
        throw this.wrong(`"${found.text}" in a loop, where erase or endfor should be`);
      }
      body.push(this.erase(variable));
    }
    return { kind: 'for', variable, list, via, within, body };
  }

  private structAndMember(): { struct: string; member: string } {
    const { text } = this.word('STRUCT:MEMBER after within');
    // Without a member, "list" is meant.
    const match = /^(\w+)(?::(\w+(?:\.\w+)*))?$/.exec(text);
    if (match === null) throw this.wrong(`"${text}" is no STRUCT:MEMBER`, -1);
    return { struct: match[1]!, member: match[2] ?? 'list' };
  }

  private expression(what: string): Expression {
    const { text, line } = this.word(what);
    const match = /^(?:\((\w+)(\*?)\))?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)$/.exec(text);
    if (match === null) throw this.wrong(`"${text}" is no SYMBOL[.MEMBER…]`, -1);
    const [, type, star, path] = match;
    const cast = type === undefined ? undefined : { type, isPointer: star === '*' };
    return { names: path!.split('.'), cast, line };
  }

  private word(what: string): Token {
    const token = this.tokens[this.at];
    if (token === undefined || keywords.has(token.text)) throw this.wrong(`${what} is missing`);
    this.at++;
    return token;
  }

  private accept(keyword: string): boolean {
    if (this.tokens[this.at]?.text !== keyword) return false;
    this.at++;
    return true;
  }

  /** At the next token, or one `from` it; at the end of the file in the last line. */
  private wrong(what: string, from = 0): VmcoreError {
    const token = this.tokens[this.at + from] ?? this.tokens.at(-1);
    return wrong(this.file, token?.line ?? 1, what);
  }
}
