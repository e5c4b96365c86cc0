/**
 * Values as people read them: as C would initialise them, structures with a member a line, equal elements of arrays told once.
 *
 *   struct list_head {
 *     next = 0xffffffff82a0c0f8 <init_task+0x8b8>,
 *     prev = 0xffff888003a40908,
 *   }
 */
import { harmless } from '../../base/bytes.ts';
import { hex } from '../../base/units.ts';
import type { Value } from './value.ts';

/** What is told of a pointer beside its address: "<schedule+0x10>", a text in quotes; empty for nothing. */
export type DescribePointer = (pointer: Extract<Value, { kind: 'pointer' }>) => string;

const step = '  ';
/** So many equal elements in a row are told as one. */
const minRepeats = 4;
/** Elements of arrays of numbers share lines up to this width. */
const maxLine = 100;

/** The text of a value, without a line feed at its end. `indent` is put before all lines but the first. */
export function valueText(value: Value, describe: DescribePointer, indent = ''): string {
  switch (value.kind) {
    case 'number':
      return value.value.toString();
    case 'boolean':
      return String(value.value);
    case 'enum':
      return value.name ?? value.value.toString();
    case 'pointer':
      return `${hex(value.address)}${suffix(describe(value))}`;
    case 'text':
      return quoted(value.text);
    case 'missing':
      return `<${value.why}>`;
    case 'struct': {
      const inner = indent + step;
      const lines = value.members.map(
        ({ name, value: member }) =>
          `${inner}${name === '' ? '' : `${name} = `}${valueText(member, describe, inner)},\n`,
      );
      // The type of the whole is told, those of members are in the layout.
      return `${indent === '' ? `${value.type} ` : ''}{\n${lines.join('')}${indent}}`;
    }
    case 'array':
      return arrayText(value.elements, describe, indent);
  }
}

/** In double quotes; what could drive a terminal is shown as \xNN. */
export const quoted = (text: string): string => `"${harmless(text.replace(/["\\]/g, '\\$&'))}"`;

const suffix = (text: string): string => (text === '' ? '' : ` ${text}`);

function arrayText(elements: readonly Value[], describe: DescribePointer, indent: string): string {
  const inner = indent + step;
  const texts = elements.map((element) => valueText(element, describe, inner));
  const parts: string[] = [];
  for (let i = 0; i < texts.length; ) {
    let end = i + 1;
    while (texts[end] === texts[i]) end++;
    const count = end - i;
    if (count >= minRepeats) parts.push(`${texts[i]} <repeats ${count} times>`);
    else parts.push(...texts.slice(i, end));
    i = end;
  }
  const isPlain = !texts.some((text) => text.includes('\n'));
  const single = `{${parts.join(', ')}}`;
  if (isPlain && single.length + indent.length <= maxLine) return single;
  if (!isPlain) return `{\n${parts.map((part) => `${inner}${part},\n`).join('')}${indent}}`;
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + part.length + 3 <= maxLine)
      lines[lines.length - 1] = `${last} ${part},`;
    else lines.push(`${inner}${part},`);
  }
  return `{\n${lines.join('\n')}\n${indent}}`;
}
