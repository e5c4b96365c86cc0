/** Small helpers over byte arrays: views, 64-bit fields as numbers, text, alignment. */

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A 64-bit field as a Number. Exact up to 2^53; above that it is only approximately right, which still compares
 * as "far beyond any file or memory", so that range checks reject it.
 */
export function u64(view: DataView, offset: number, littleEndian: boolean): number {
  const low = view.getUint32(offset + (littleEndian ? 0 : 4), littleEndian);
  const high = view.getUint32(offset + (littleEndian ? 4 : 0), littleEndian);
  return high * 0x1_0000_0000 + low;
}

export function putU64(view: DataView, offset: number, value: number, littleEndian: boolean): void {
  view.setUint32(offset + (littleEndian ? 0 : 4), value % 0x1_0000_0000, littleEndian);
  view.setUint32(offset + (littleEndian ? 4 : 0), Math.floor(value / 0x1_0000_0000), littleEndian);
}

export const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;
export const alignDown = (value: number, alignment: number): number =>
  Math.floor(value / alignment) * alignment;
export const isPowerOfTwo = (value: number): boolean =>
  Number.isSafeInteger(value) && value > 0 && 2 ** Math.round(Math.log2(value)) === value;

/** Bytes up to the first NUL, one character a byte. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return latin1(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Characters of one call of fromCharCode: arguments are on the stack. */
const callCharacters = 8192;

/**
 * One character a byte, U+0000 to U+00FF, so that the bytes can be had back. (TextDecoder's "latin1" is windows-1252, which is not that.) apply() takes
 * the bytes as they are; spread into arguments, they are asked for one by one, which takes eight times as long.
 */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += callCharacters) {
    text += Reflect.apply(String.fromCharCode, null, bytes.subarray(at, at + callCharacters));
  }
  return text;
}

/** Is every byte zero? `words` must cover the bytes; the caller keeps it to avoid an allocation per page. */
export function isZero(words: Int32Array): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}

/** Text from a dump or a file name, without what could drive a terminal: control characters are shown as \xNN. */
export const harmless = (text: string): string =>
  text.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
