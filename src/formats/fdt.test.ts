import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { type BlobParts, fdtBlob, type Token } from '../../test/support/fdt-blob.ts';
import { VmcoreError } from '../base/errors.ts';
import { type DeviceNode, type DeviceTree, maxLevels, parseDeviceTree } from './fdt.ts';
import { writeDeviceTree } from './fdt-writer.ts';

const [BEGIN, END_NODE, PROP, NOP, END] = [1, 2, 3, 4, 9];

/** / { #address-cells = <2>; model = "box"; cpus { cpu@0 { model = "one"; }; }; empty-node { flag; }; } */
const strings = '#address-cells\0model\0flag\0';
const structure: Token[] = [
  ...[BEGIN, ''],
  ...[PROP, 4, 0, 2],
  ...[PROP, 4, 15, 'box'],
  ...[BEGIN, 'cpus', BEGIN, 'cpu@0', PROP, 4, 15, 'one', END_NODE, END_NODE],
  ...[BEGIN, 'empty-node', PROP, 0, 21, END_NODE],
  ...[END_NODE, END],
];
const reservations = [0x4000_0000n, 0x1000n, 0x12_3456_7000n, 0x1_0000_0000n, 0n, 0n];
const parts: BlobParts = { structure, strings, reservations, bootCpu: 3 };

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const tree: DeviceTree = {
  reservations: [
    { address: 0x4000_0000, size: 0x1000 },
    { address: 0x12_3456_7000, size: 0x1_0000_0000 },
  ],
  bootCpu: 3,
  root: {
    name: '',
    properties: [
      { name: '#address-cells', value: Uint8Array.of(0, 0, 0, 2) },
      { name: 'model', value: text('box\0') },
    ],
    children: [
      {
        name: 'cpus',
        properties: [],
        children: [{ name: 'cpu@0', properties: [{ name: 'model', value: text('one\0') }], children: [] }],
      },
      { name: 'empty-node', properties: [{ name: 'flag', value: new Uint8Array() }], children: [] },
    ],
  },
};

const changed = (blob: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = blob.slice();
  new DataView(copy.buffer).setUint32(at, value);
  return copy;
};

describe('a flattened device tree', () => {
  it('is read as the specification has it', () => {
    assert.deepEqual(parseDeviceTree(fdtBlob(parts)), tree);
  });

  it('is written as the specification has it, each name once, without gaps', () => {
    assert.deepEqual(writeDeviceTree(tree), fdtBlob(parts));
  });

  it('of version 16 does not tell the size of its structure, and is read', () => {
    const blob = changed(fdtBlob({ ...parts, version: 16 }), 36, 0xffff_ffff);
    assert.deepEqual(parseDeviceTree(blob), tree);
  });

  it('of a later version is read when a reader of 17 can', () => {
    assert.deepEqual(parseDeviceTree(fdtBlob({ ...parts, version: 18, lastCompatible: 17 })), tree);
    const [newer, older] = [
      { ...parts, version: 18, lastCompatible: 18 },
      { ...parts, version: 3, lastCompatible: 2 },
    ];
    assert.throws(
      () => parseDeviceTree(fdtBlob(newer)),
      failsWith('E_UNSUPPORTED', /version 18; .* 16 and 17/),
    );
    assert.throws(() => parseDeviceTree(fdtBlob(older)), failsWith('E_UNSUPPORTED', /version 3;/));
  });

  it('has no-operations anywhere, and whatever it likes behind its end', () => {
    const nops = [NOP, ...structure.slice(0, 2), NOP, NOP, ...structure.slice(2, -1), NOP, END, 77];
    const blob = fdtBlob({ ...parts, structure: nops });
    assert.deepEqual(parseDeviceTree(Uint8Array.of(...blob, 1, 2, 3)), tree);
  });

  it('ends its reservations with a size of zero, whatever the address', () => {
    const list = [0x1000n, 0x1000n, 0x5000n, 0n, 0x6000n, 0x1000n];
    assert.deepEqual(parseDeviceTree(fdtBlob({ ...parts, reservations: list })).reservations, [
      { address: 0x1000, size: 0x1000 },
    ]);
    const written = writeDeviceTree({
      ...tree,
      reservations: [
        { address: 0x5000, size: 0 },
        { address: 0x6000, size: 1 },
      ],
    });
    assert.deepEqual(parseDeviceTree(written).reservations, [{ address: 0x6000, size: 1 }]);
  });

  it('shares no bytes with the blob, and may begin anywhere in its buffer', () => {
    const blob = fdtBlob(parts);
    for (const within of [new Uint8Array(blob.length + 7), Buffer.alloc(blob.length + 7)]) {
      within.set(blob, 3);
      const read = parseDeviceTree(within.subarray(3));
      within.fill(0xee);
      assert.deepEqual(read, tree);
    }
  });

  it('comes back from being written', () => {
    fc.assert(
      fc.property(anyTree, (made) => {
        const blob = writeDeviceTree(made);
        assert.deepEqual(parseDeviceTree(blob), made);
        assert.deepEqual(writeDeviceTree(parseDeviceTree(blob)), blob);
      }),
    );
  });

  it('is as deep as Linux takes, and no deeper', () => {
    const nested = (levels: number): Token[] => [
      ...Array.from({ length: levels }, () => [BEGIN, '']).flat(),
      ...Array.from({ length: levels }, () => END_NODE),
      END,
    ];
    const deepest = parseDeviceTree(fdtBlob({ structure: nested(maxLevels), strings: '' }));
    assert.deepEqual(parseDeviceTree(writeDeviceTree(deepest)), deepest);
    const deeper: DeviceTree = { ...deepest, root: { name: '', properties: [], children: [deepest.root] } };
    assert.throws(() => writeDeviceTree(deeper), failsWith('E_UNSUPPORTED', /more than 63 deep/));
    for (const levels of [maxLevels + 1, 100_000]) {
      const blob = fdtBlob({ structure: nested(levels), strings: '' });
      assert.throws(() => parseDeviceTree(blob), failsWith('E_CORRUPT', /more than 63 deep/));
    }
  });
});

/** Without it, some objects come without a prototype, which deepEqual() tells apart. */
const plain = { noNullPrototype: true };
const name = (maxLength: number) =>
  fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map((codes) => String.fromCharCode(...codes));
const { node: anyNode } = fc.letrec<{ node: DeviceNode }>((tie) => ({
  node: fc.record(
    {
      name: name(40),
      properties: fc.array(fc.record({ name: name(255), value: fc.uint8Array() }, plain), { maxLength: 5 }),
      children: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(tie('node'), { maxLength: 4 })),
    },
    plain,
  ),
}));
const anyReservation = fc.record(
  { address: fc.nat(2 ** 31).map((page) => page * 4096), size: fc.integer({ min: 1, max: 2 ** 48 }) },
  plain,
);
const anyTree: fc.Arbitrary<DeviceTree> = fc.record(
  {
    reservations: fc.array(anyReservation, { maxLength: 3 }),
    bootCpu: fc.nat(0xffff_ffff),
    root: anyNode,
  },
  plain,
);

describe('a broken device tree', () => {
  const whole = fdtBlob(parts);
  const field = {
    total: 4,
    structure: 8,
    strings: 12,
    reservations: 16,
    stringsBytes: 32,
    structureBytes: 36,
  };

  it('is no device tree without the magic number', () => {
    const others: [Uint8Array, RegExp][] = [
      [new Uint8Array(), /it has 0 bytes/],
      [Uint8Array.of(0xd0, 0x0d, 0xfe), /it has 3 bytes/],
      [text('MZ\0\0 and so on'), /it begins with 0x4d5a0000, not 0xd00dfeed/],
    ];
    for (const [bytes, what] of others) {
      assert.throws(() => parseDeviceTree(bytes, 'box.dtb'), failsWith('E_CORRUPT', what));
    }
  });

  it('is cut short at any length', () => {
    for (let length = 4; length < whole.length; length++) {
      assert.throws(
        () => parseDeviceTree(whole.subarray(0, length)),
        failsWith('E_TRUNCATED', new RegExp(`there are ${length}$`)),
      );
    }
  });

  it('names the file and the offset', () => {
    assert.throws(
      () => parseDeviceTree(changed(whole, field.structure, 0x4000), 'box.dtb'),
      (error) => {
        assert.ok(error instanceof VmcoreError);
        assert.match(
          error.toLine(),
          /^box\.dtb: a broken device tree: the structure block .* \(at offset 0x8\); .*dtc \[E_CORRUPT\]$/,
        );
        return true;
      },
    );
  });

  it('has blocks outside of itself, or where none may begin', () => {
    const cases: [number, number, RegExp][] = [
      [field.total, 30, /the structure block is at/],
      [field.structure, 36, /the structure block is at 0x24/],
      [field.structure, 0xffff_fffc, /the structure block is at/],
      [field.structure, 90, /the structure block at 0x5a is not aligned to 4/],
      [field.structureBytes, 0xffff_ffff, /the structure block is at/],
      [field.strings, whole.length + 1, /the strings block is at/],
      [field.stringsBytes, strings.length + 1, /the strings block is at/],
      [field.reservations, 44, /reservation block at 0x2c is not aligned to 8/],
      [field.reservations, 0, /reservation block is at 0x0/],
      [24, 18, /version 17 cannot need a reader of version 18/],
    ];
    for (const [at, value, what] of cases) {
      assert.throws(() => parseDeviceTree(changed(whole, at, value)), failsWith('E_CORRUPT', what));
    }
  });

  it('has reservations without end, or beyond any memory', () => {
    const noEnd = { structure: [], strings: '', reservations: [1n, 1n, 2n, 1n] };
    assert.throws(() => parseDeviceTree(fdtBlob(noEnd)), failsWith('E_CORRUPT', /reservations has no end/));
    const far = { ...parts, reservations: [0xffff_ffff_ffff_0000n, 0x1_0000n, 0n, 0n] };
    assert.throws(() => parseDeviceTree(fdtBlob(far)), failsWith('E_CORRUPT', /beyond any memory/));
  });

  const structures: [Token[], RegExp][] = [
    [[], /the structure block has no end/],
    [[END], /no root node/],
    [[NOP, NOP], /the structure block has no end/],
    [[BEGIN, '', END_NODE], /the structure block has no end/],
    [[BEGIN, '', BEGIN, 'a', END_NODE, END], /the node "" has no end/],
    [[BEGIN, '', BEGIN, 'a', END], /the node "a" has no end/],
    [[BEGIN, '', END_NODE, END_NODE, END], /a node ends that did not begin/],
    [[BEGIN, '', END_NODE, BEGIN, '', END_NODE, END], /a second root node/],
    [[BEGIN, 0x61616161], /a node name has no end/],
    [[PROP, 0, 0, END], /a property outside of any node/],
    [[BEGIN, '', END_NODE, PROP, 0, 0, END], /a property outside of any node/],
    [[BEGIN, '', BEGIN, 'a', END_NODE, PROP, 0, 0, END_NODE, END], /a property after a child node/],
    [[BEGIN, '', PROP, 4], /a property is cut off/],
    [[BEGIN, '', PROP, 9, 0, 1, 2], /a property of 9 bytes runs over the end/],
    [[BEGIN, '', PROP, 0xffff_ffff, 0, 1, 2], /a property of 4294967295 bytes runs over/],
    [[BEGIN, '', PROP, 0, 5, END_NODE, END], /a property name at 0x5, outside/],
    [[BEGIN, '', PROP, 0, 0xffff_ffff, END_NODE, END], /a property name at 0xffffffff, outside/],
    [[BEGIN, '', PROP, 0, 3, END_NODE, END], /a property name at 0x3 has no end/],
    [[BEGIN, '', 5, END_NODE, END], /unknown token 0x5/],
  ];
  for (const [tokens, what] of structures) {
    it(`has ${JSON.stringify(tokens)} for its structure`, () => {
      const blob = fdtBlob({ structure: tokens, strings: 'ab\0cd' });
      assert.throws(() => parseDeviceTree(blob), failsWith('E_CORRUPT', what));
    });
  }

  it('with bytes changed anywhere is read, or refused as it should be', () => {
    const change = fc.tuple(
      fc.nat(whole.length - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 4, 9, 0x7f, 0x80, 0xff)),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const damaged = whole.slice();
        for (const [at, value] of changes) damaged[at] = value;
        try {
          const read = parseDeviceTree(damaged);
          assert.deepEqual(parseDeviceTree(writeDeviceTree(read)), read);
        } catch (error) {
          assert.ok(error instanceof VmcoreError, String(error));
          assert.match(error.toLine(), /^[^\p{Cc}]+ \[E_(CORRUPT|TRUNCATED|UNSUPPORTED)\]$/u);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('with names that overlap, or do not end, takes no longer for it', () => {
    const properties = 40_000;
    const overlapping = Array.from({ length: properties }, (_, i) => [PROP, 0, i]).flat();
    const tokens = [BEGIN, '', ...overlapping, END_NODE, END];
    const started = performance.now();
    const long = fdtBlob({ structure: tokens, strings: `${'a'.repeat(10 ** 6)}\0` });
    assert.throws(() => parseDeviceTree(long), failsWith('E_CORRUPT', /has no end/));
    const short = fdtBlob({ structure: tokens, strings: `${'a'.repeat(255)}\0`.repeat(200) });
    assert.equal(parseDeviceTree(short).root.properties.length, properties);
    assert.ok(performance.now() - started < 5000);
  });
});
