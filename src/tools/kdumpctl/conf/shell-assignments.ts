/**
 * Assignments as a shell reads them, and nothing else of the shell: what /etc/sysconfig/kdump may hold. Nothing is run and nothing expanded;
 * what would need that is a problem, in words.
 *
 * Source of truth: POSIX.1-2024, XCU 2.2 (quoting) and 2.10.2 (assignments); `+=` is bash's. Ours: lines may end in CR LF.
 */
import type { Problems } from './problem.ts';

export interface Assignment {
  readonly name: string;
  readonly value: string;
  /** Counted from 1: where it begins. */
  readonly line: number;
  /** The name before it in the same statement: such a thing is hardly meant. */
  readonly after: string | undefined;
}

/** In the order of the file; a name may come more than once, and the last one counts. */
export function readAssignments(text: string, problems: Problems): Assignment[] {
  const scanner = new Scanner(text.replaceAll('\r\n', '\n'), problems);
  const assignments: Assignment[] = [];
  while (!scanner.atEnd) {
    for (const { append, ...assignment } of scanner.statement()) {
      const before = assignments.findLast(({ name }) => name === assignment.name)?.value ?? '';
      assignments.push(append ? { ...assignment, value: before + assignment.value } : assignment);
    }
  }
  return assignments;
}

interface RawAssignment extends Assignment {
  readonly append: boolean;
}

const quoteHint = "put the value in single quotes: '…'";
const notRun = 'nothing is run or expanded here: write the value itself, in single quotes';

class Scanner {
  private readonly text: string;
  private readonly problems: Problems;
  private at = 0;
  private line = 1;

  constructor(text: string, problems: Problems) {
    this.text = text;
    this.problems = problems;
  }

  get atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** What a line (or with open quotes, several) assigns; nothing when a shell would do anything else with it. */
  statement(): RawAssignment[] {
    const found: RawAssignment[] = [];
    const start = this.line;
    this.take(/(?:export[ \t]+)?/y);
    for (;;) {
      this.take(/(?:[ \t]|\\\n)+/y);
      if (this.take(/#[^\n]*/y) !== '' || this.take(/[\n;]/y) !== '' || this.atEnd) return found;
      const line = this.line;
      const head = this.take(/[A-Za-z_][A-Za-z0-9_]*\+?=/y);
      if (head === '') {
        this.refuseLine(start, found);
        return [];
      }
      const value = this.value(line);
      if (value === undefined) {
        this.take(/[^\n]*/y);
        return [];
      }
      const append = head.endsWith('+=');
      const name = head.replace(/\+?=$/, '');
      found.push({ name, value, line, after: found.at(-1)?.name, append });
    }
  }

  /** Takes what matches here (a sticky expression); "" when nothing does. */
  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text)?.[0] ?? '';
    this.at += match.length;
    this.line += match.split('\n').length - 1;
    return match;
  }

  private refuseLine(line: number, assigned: readonly RawAssignment[]): void {
    const rest = this.take(/[^\n]*/y).trim();
    const [last] = assigned.slice(-1);
    if (last !== undefined) {
      const what = `${last.name} is followed by "${rest}", which a shell would run as a command`;
      this.problems.error(line, what, `put all of the value in quotes: ${last.name}="…"`);
    } else if (/^[A-Za-z_]\w*\s+=/.test(rest)) {
      this.problems.error(line, `"${rest}" has a blank before =`, 'write NAME="VALUE", without blanks');
    } else this.problems.error(line, `"${rest}" assigns nothing`, 'write NAME="VALUE"; nothing is run here');
  }

  /** The value that stands here, up to a blank outside of quotes; undefined, and told, when a shell would have to work it out. */
  private value(line: number): string | undefined {
    let value = '';
    if (this.take(/[~(]/y) !== '') {
      this.problems.error(line, 'a value that begins with ~ or (', quoteHint);
      return undefined;
    }
    for (;;) {
      value += this.take(/[^\s'"\\$`;&|<>()]+/y);
      if (this.take(/\\\n/y) !== '') continue;
      const escaped = this.take(/\\[^\n]/y);
      if (escaped !== '') value += escaped.slice(1);
      else if (this.take(/'/y) !== '') {
        const quoted = this.take(/[^']*'/y);
        if (quoted === '') return this.unclosed(line, "'");
        value += quoted.slice(0, -1);
      } else if (this.take(/"/y) !== '') {
        const quoted = this.doubleQuoted(line);
        if (quoted === undefined) return undefined;
        value += quoted;
      } else if (this.take(/\$(?![\w{(@*#?$!'"-])/y) !== '') value += '$';
      else {
        const active = this.take(/[$`&|<>()]/y);
        if (active === '') return value;
        this.refuseActive(line, active);
        return undefined;
      }
    }
  }

  private doubleQuoted(line: number): string | undefined {
    const quoted = this.take(/(?:[^"\\]|\\.)*"/sy);
    if (quoted === '') return this.unclosed(line, '"');
    const inner = quoted.slice(0, -1);
    const active = /^(?:[^\\$`]|\\.|\$(?![\w{(@*#?$!-]))*(`|\$(?=[\w{(@*#?$!-]))/s.exec(inner)?.[1];
    if (active !== undefined) {
      this.refuseActive(line, active);
      return undefined;
    }
    return inner.replace(/\\([$`"\\])|\\\n/g, (_, escaped: string | undefined) => escaped ?? '');
  }

  private unclosed(line: number, quote: string): undefined {
    this.problems.error(line, `a quote ${quote} that is not closed`, 'close it');
    this.at = this.text.length;
  }

  private refuseActive(line: number, character: string): void {
    const what =
      character === '$' || character === '`'
        ? `"${character}" would have to be expanded`
        : `"${character}" outside of quotes`;
    this.problems.error(line, what, notRun);
  }
}
