import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { failsWith } from '../../test/support/expect-error.ts';
import { bytesOf, type Token } from '../../test/support/fdt-blob.ts';
import type { DeviceNode, DeviceTree } from './fdt.ts';
import {
  cellsOf,
  cellsValue,
  findNode,
  numberOf,
  propertyOf,
  rangesOf,
  stringOf,
  stringValue,
  u64Value,
  withNode,
  withoutProperties,
  withProperty,
} from './fdt-properties.ts';

const node = (name: string, ...children: DeviceNode[]): DeviceNode => ({ name, properties: [], children });
const value = (...tokens: Token[]): Uint8Array => new Uint8Array(bytesOf(tokens));
const having = (name: string, bytes: Uint8Array): DeviceNode => withProperty(node('a'), name, bytes);

describe('nodes by path', () => {
  const serial = node('serial@9000000');
  const tree: DeviceTree = {
    reservations: [],
    bootCpu: 0,
    root: node('', node('soc', node('serial@8000000'), serial), node('memory@40000000'), node('memory')),
  };

  it('are found with and without their unit addresses, the first of several', () => {
    assert.equal(findNode(tree, '/'), tree.root);
    assert.equal(findNode(tree, '/soc/serial@9000000'), serial);
    assert.equal(findNode(tree, '/soc/serial')?.name, 'serial@8000000');
    assert.equal(findNode(tree, '/memory')?.name, 'memory@40000000');
    for (const path of ['/chosen', '/soc/serial@9', '/mem', '/soc/serial/x', '/chosen/x']) {
      assert.equal(findNode(tree, path), undefined, path);
    }
  });

  it('are changed in a new tree, where they are', () => {
    const changed = withNode(tree, '/soc/serial@9000000', (old) =>
      withProperty(old, 'status', stringValue('okay')),
    );
    assert.equal(stringOf(findNode(changed, '/soc/serial@9000000')!, 'status'), 'okay');
    assert.deepEqual(
      findNode(changed, '/soc')?.children.map(({ name }) => name),
      ['serial@8000000', 'serial@9000000'],
    );
    assert.equal(findNode(changed, '/memory'), findNode(tree, '/memory'));
    assert.deepEqual(serial.properties, []);
  });

  it('are made where they are missing, with those above them', () => {
    const changed = withNode(tree, '/firmware/optee', (old) =>
      withProperty(old, 'method', stringValue('smc')),
    );
    assert.equal(changed.root.children.at(-1)?.name, 'firmware');
    assert.equal(stringOf(findNode(changed, '/firmware/optee')!, 'method'), 'smc');
  });
});

describe('properties', () => {
  it('are set in their place, added at the end, and taken away', () => {
    let made = node('a');
    for (const name of ['x', 'y', 'z']) made = withProperty(made, name, stringValue(name));
    made = withProperty(made, 'y', stringValue('new'));
    assert.deepEqual(
      made.properties.map(({ name }) => [name, stringOf(made, name)]),
      [
        ['x', 'x'],
        ['y', 'new'],
        ['z', 'z'],
      ],
    );
    assert.deepEqual(
      withoutProperties(made, ['x', 'z', 'nothing']).properties.map(({ name }) => name),
      ['y'],
    );
    assert.equal(propertyOf(made, 'w'), undefined);
  });

  it('are text up to the first NUL', () => {
    assert.deepEqual(stringValue('é'), Uint8Array.of(0xc3, 0xa9, 0));
    assert.equal(
      stringOf(having('bootargs', stringValue('console=ttyAMA0 é')), 'bootargs'),
      'console=ttyAMA0 é',
    );
    assert.equal(stringOf(having('compatible', value('one', 'two')), 'compatible'), 'one');
    assert.equal(stringOf(having('open', Uint8Array.of(0x61)), 'open'), 'a');
    assert.equal(stringOf(node('a'), 'bootargs'), undefined);
  });

  it('are numbers of one, two or more cells, of which the last 64 bits count', () => {
    const cases: [Uint8Array, number | undefined][] = [
      [value(0x4800_0000), 0x4800_0000],
      [value(0x12, 0x3456_7000), 0x12_3456_7000],
      [value(0xffff_ffff, 0x12, 0x3456_7000), 0x12_3456_7000],
      [new Uint8Array(), undefined],
      [new Uint8Array(3), undefined],
      [new Uint8Array(7), undefined],
    ];
    for (const [bytes, expected] of cases) assert.equal(numberOf(having('n', bytes), 'n'), expected);
    assert.equal(numberOf(node('a'), 'n'), undefined);
  });
});

describe('cells', () => {
  it('hold what fits them, and come back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 5 }), (number, cells) => {
        const bytes = cellsValue(number, cells);
        assert.equal(bytes !== undefined, BigInt(number) < 1n << (32n * BigInt(cells)));
        if (bytes === undefined) return;
        assert.equal(bytes.length, 4 * cells);
        const reg = rangesOf(having('reg', bytes), 'reg', { address: cells, size: 0 });
        if (cells > 0) assert.deepEqual(reg, [{ address: number, size: 0 }]);
      }),
    );
    assert.deepEqual(cellsValue(0x12_3456_7000, 3), value(0, 0x12, 0x3456_7000));
    assert.deepEqual(cellsValue(0xffff_ffff, 1), value(0xffff_ffff));
    assert.equal(cellsValue(0x1_0000_0000, 1), undefined);
    assert.deepEqual(cellsValue(0, 0), new Uint8Array());
    assert.deepEqual(u64Value(0x12_3456_7000), value(0x12, 0x3456_7000));
  });

  it('are 2 and 1 where a node does not say', () => {
    assert.deepEqual(cellsOf(node('a')), { address: 2, size: 1 });
    assert.deepEqual(cellsOf(node('a'), { address: 1, size: 1 }), { address: 1, size: 1 });
    const both = withProperty(having('#address-cells', value(3)), '#size-cells', value(0));
    assert.deepEqual(cellsOf(both), { address: 3, size: 0 });
    assert.deepEqual(cellsOf(having('#size-cells', value(2))), { address: 2, size: 2 });
  });

  it('are refused when they are nonsense', () => {
    const bad: [Uint8Array, RegExp][] = [
      [value(17), /#address-cells is 17/],
      [value(0xffff_ffff), /#address-cells is 4294967295/],
      [value(0, 2), /#address-cells is 8 bytes long/],
      [new Uint8Array(), /#address-cells is 0 bytes long/],
    ];
    for (const [bytes, what] of bad) {
      assert.throws(() => cellsOf(having('#address-cells', bytes)), failsWith('E_CORRUPT', what));
    }
  });

  it('are ranges, one after the other', () => {
    const reg = having('reg', value(0, 0x4000_0000, 0x1000, 0x12, 0x3456_7000, 0x2000, 0xdead));
    assert.deepEqual(rangesOf(reg, 'reg', { address: 2, size: 1 }), [
      { address: 0x4000_0000, size: 0x1000 },
      { address: 0x12_3456_7000, size: 0x2000 },
    ]);
    assert.deepEqual(rangesOf(reg, 'reg', { address: 0, size: 0 }), []);
    assert.equal(rangesOf(reg, 'ranges', { address: 2, size: 1 }), undefined);
  });
});
