import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BtfBuilder } from '../../../test/support/btf-bytes.ts';
import { Btf } from './btf.ts';
import { declaration, typeName, typeOfName } from './type-names.ts';
import { sizeOf, type Type } from './types.ts';

function sample(): { readonly btf: Btf; readonly declared: Type } {
  const builder = new BtfBuilder();
  const int = builder.int('int', 4, 'signed');
  const page = builder.struct('page', 64, [{ name: 'flags', type: int, at: 0 }]);
  builder.union('either', 8, []);
  builder.enumeration('zone_type', { ZONE_DMA: 0 });
  const count = builder.typedef('count_t', int);
  const pagePointer = builder.pointer(page);
  const text = builder.record(10, '', count);
  const declared = builder.record(7, 'elsewhere', 0);
  builder.typedef(
    'callback_t',
    builder.pointer(builder.record(13, '', pagePointer, [0, int, 0, text, 0, 0], 3)),
  );
  builder.typedef('nothing_t', builder.pointer(builder.record(13, '', 0)));
  builder.typedef('row_t', builder.pointer(builder.array(builder.pointer(page), 4)));
  builder.typedef('shape_t', builder.struct('', 4, []));
  builder.typedef('pages_t', builder.array(builder.array(page, 3), 2));
  const btf = new Btf(builder.bytes(), 'test');
  return { btf, declared: btf.type(declared) };
}

/** What a typedef stands for. */
const behind = (type: Type | undefined): Type => {
  assert.ok(type?.kind === 'alias');
  return type.target();
};

describe('types as C writes them', () => {
  const { btf, declared } = sample();
  it('are shown as they are declared', () => {
    const shown: readonly (readonly [Type, string])[] = [
      [btf.struct('page')!, 'struct page name'],
      [btf.struct('either')!, 'union either name'],
      [btf.enumeration('zone_type')!, 'enum zone_type name'],
      [btf.typedef('count_t')!, 'count_t name'],
      [behind(btf.typedef('callback_t')), 'struct page *(*name)(int, count_t, ...)'],
      [behind(btf.typedef('nothing_t')), 'void (*name)(void)'],
      [behind(btf.typedef('row_t')), 'struct page *(*name)[4]'],
      [behind(btf.typedef('shape_t')), 'struct {...} name'],
      [behind(btf.typedef('pages_t')), 'struct page name[2][3]'],
      [declared, 'struct elsewhere name'],
    ];
    for (const [type, text] of shown) assert.equal(declaration(type, 'name'), text);
    assert.equal(typeName(behind(btf.typedef('row_t'))), 'struct page *(*)[4]');
  });

  it('are found by such names', () => {
    const sizes: Readonly<Record<string, number | undefined>> = {
      page: 64,
      'struct page': 64,
      'const struct  page': 64,
      'union page': undefined,
      'union either': 8,
      zone_type: 4,
      'enum zone_type': 4,
      'enum page': undefined,
      count_t: 4,
      'struct count_t': undefined,
      'struct page *': 8,
      'page**': 8,
      'struct page[3]': 192,
      'char[2][8]': 16,
      'struct page *[4]': 32,
      'unsigned long': 8,
      'unsigned char': 1,
      void: undefined,
      'void *': 8,
      '': undefined,
      '*': undefined,
      'struct nothing': undefined,
      'struct page page': undefined,
      'page[': undefined,
    };
    for (const [name, size] of Object.entries(sizes)) {
      const type = typeOfName(btf, name);
      assert.equal(type && sizeOf(type), size, name);
    }
    assert.equal(typeName(typeOfName(btf, 'char [2][8]')!), 'char[2][8]');
  });

  it('that go round in a circle end somewhere', () => {
    const builder = new BtfBuilder();
    builder.pointer(1);
    builder.typedef('endless', 1);
    assert.match(typeName(behind(new Btf(builder.bytes(), 'test').typedef('endless'))), /^\.\.\. \*+$/);
  });
});
