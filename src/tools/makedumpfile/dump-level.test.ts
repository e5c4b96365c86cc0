import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PageKind, pageKindNames } from '../../kernel/memory/page-kind.ts';
import { excludedKinds, parseDumpLevel } from './dump-level.ts';

describe('a dump level', () => {
  it('is a number from 0 to 31', () => {
    const cases: [string, number | undefined][] = [
      ['0', 0],
      ['31', 31],
      ['01', 1],
      ['32', undefined],
      ['-1', undefined],
      ['', undefined],
      ['1,31', undefined],
      ['0x1f', undefined],
      ['31 ', undefined],
      ['311', undefined],
    ];
    for (const [text, level] of cases) assert.equal(parseDumpLevel(text), level, `"${text}"`);
  });

  it('names the kinds it leaves out; poisoned and offline pages are never read', () => {
    const names = (level: number): string[] =>
      pageKindNames.filter((name) => (excludedKinds(level) & (1 << PageKind[name])) !== 0);
    const never = ['hwpoison', 'offline'];
    const expected: [level: number, kinds: string[]][] = [
      [0, never],
      [1, never],
      [2, ['cache', ...never]],
      [4, ['cache', 'cachePrivate', ...never]],
      [6, ['cache', 'cachePrivate', ...never]],
      [8, ['user', ...never]],
      [16, ['free', ...never]],
      [17, ['free', ...never]],
      [31, ['free', 'cache', 'cachePrivate', 'user', ...never]],
    ];
    for (const [level, kinds] of expected) assert.deepEqual(names(level), kinds, `level ${level}`);
  });
});
