import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BtfBuilder } from '../../../test/support/btf-bytes.ts';
import { Btf } from './btf.ts';
import { Layouts } from './layouts.ts';
import { typeName } from './type-names.ts';
import { typeOfVariable } from './variables.ts';

describe('types of global variables', () => {
  const builder = new BtfBuilder();
  const uint = builder.int('unsigned int', 4);
  builder.struct('task_struct', 8, []);
  builder.record(14, 'modules', uint, [1]);
  const layouts = new Layouts('test', undefined, [() => new Btf(builder.bytes(), 'test')]);

  it('are known of a table, where their own types exist', () => {
    assert.equal(typeName(typeOfVariable(layouts, 'init_task')!), 'struct task_struct');
    assert.equal(typeName(typeOfVariable(layouts, 'saved_command_line')!), 'char *');
    assert.equal(typeOfVariable(layouts, 'init_mm'), undefined, 'no such type');
    assert.equal(typeOfVariable(layouts, 'toString'), undefined);
  });

  it('are what the kernel itself tells, where it does', () => {
    assert.equal(typeName(typeOfVariable(layouts, 'modules')!), 'unsigned int');
  });
});
