import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { failsWith } from '../../../../test/support/expect-error.ts';
import { typedKernel } from '../../../../test/support/typed-kernel.ts';
import { VmcoreError } from '../../../base/errors.ts';
import type { FilterPlan } from './plan.ts';
import { planFilters } from './plan-filters.ts';
import { loadFilter } from './run-modules.ts';

const folder = mkdtempSync(join(tmpdir(), 'vmcore-filters-'));
after(() => rmSync(folder, { recursive: true }));
let count = 0;
function module(text: string, mode = 0o600): string {
  const path = join(folder, `filter-${count++}.ts`);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
const typed = typedKernel();
const plan = async (...modules: string[]): Promise<FilterPlan> =>
  (await planFilters({ modules, eraseConfig: undefined }, typed.kernel.dump(), () => undefined))!;

describe('a filter module', () => {
  it('erases, nullifies, drops and keeps by name', async () => {
    const found = await plan(
      module(`
        const filter = (kernel: any, output: any): void => {
          for (const secret of kernel.list(kernel.symbol('secret_list'), 'secret', 'list')) {
            output.eraseMember(secret, 'inner.key');
            output.eraseString(secret, 'text');
            output.nullify(secret, 'data');
          }
          for (const task of kernel.eachTask()) output.eraseUser(task, 0x400010n, 8, 'user ' + task.string('comm'));
          output.dropPage(0xffff888000003123n);
          output.keepPages(0xffff888000004fffn, 0xffff888000005001n);
          output.note('done');
        };
        export default filter;
      `),
    );
    assert.equal(
      found.eraseinfo,
      [7, 13, 1]
        .map(
          (length) =>
            `erase secret.inner.key size 8\nerase secret.text size ${length}\nerase secret.data nullify\n`,
        )
        .join('')
        .concat('erase user_server size 8\nerase user_worker size 8\n'),
    );
    assert.deepEqual([...found.pages.drop], [{ start: 3, end: 4 }]);
    assert.deepEqual([...found.pages.keep], [{ start: 4, end: 6 }]);
    assert.equal(
      [...found.erased.X].some(({ start }) => start === typed.userPage + 16),
      true,
    );
    assert.match(found.remarks.at(-1)!, /filter-0\.ts: done$/);
  });

  it('may take its time, and comes after the ones before it', async () => {
    const found = await plan(
      module('export default async (k, o) => { await null; o.erase(0xffff888000001000n, 1, "first"); };'),
      module('export default (k, o) => o.erase(0xffff888000001000n, 2, "second one\\nerase x size 9");'),
    );
    assert.equal(found.eraseinfo, 'erase first size 1\nerase second_one_erase_x_size_9 size 2\n');
  });

  it('that fails names itself, its line, and what it could not find', async () => {
    const cases: [string, string, RegExp][] = [
      ['export default () => {', 'E_USAGE', /^does not load/],
      ['import "./nothing.ts";', 'E_USAGE', /^does not load: Cannot find module/],
      ['export const filter = () => {};', 'E_USAGE', /no default export that is a function/],
      ['\n\nexport default () => { throw new Error("oh no"); };', 'E_USAGE', /^failed in line 3: oh no/],
      ['export default () => { throw "text"; };', 'E_USAGE', /^failed: text/],
      [
        '\nexport default (k) => k.symbol("gone");',
        'E_NO_INFO',
        /^failed in line 2: the kernel has no symbol gone/,
      ],
      ['export default (k) => k.struct("gone", 0n);', 'E_NO_INFO', /struct gone/],
      ['export default (k, o) => o.erase(0n, -1, "x");', 'E_USAGE', /erase x: -1 bytes/],
      ['export default (k) => k.read(0n, 8);', 'E_UNREADABLE', /not mapped/],
    ];
    for (const [text, code, what] of cases) {
      const path = module(text);
      await assert.rejects(plan(path), (error) => {
        assert.ok(error instanceof VmcoreError, String(error));
        assert.deepEqual([error.code, error.file], [code, path], text);
        assert.match(error.message, what);
        assert.ok(error.hint !== undefined);
        return true;
      });
    }
    await assert.rejects(plan(join(folder, 'missing.ts')), failsWith('E_FILE'));
  });

  it('that others can write is not run as root', async () => {
    for (const mode of [0o620, 0o602, 0o666]) {
      const path = module('export default () => {};', mode);
      await assert.rejects(loadFilter(path, 0), failsWith('E_USAGE', /would run as root/), mode.toString(8));
      await loadFilter(path, 1000);
    }
    await loadFilter(module('export default () => {};', 0o644), 0);
  });

  it('is loaded before any is run', async () => {
    const marker = `ran${count}`;
    const first = module(`export default () => { globalThis.${marker} = true; };`);
    await assert.rejects(plan(first, module('export default 1;')), failsWith('E_USAGE'));
    assert.ok(!(marker in globalThis));
  });
});
