/**
 * LZO1X, decompressing. The stream, as Linux's Documentation/staging/lzo.rst (6.1) describes it (bitstream version 0):
 *
 *   first byte 18..255      copy (byte - 17) literals; other first bytes are instructions
 *   0000 LLLL               after no literals: copy 3 + L literals (L = 0: 18 + more)
 *   0000 DDSS  H            after 1..3 literals: repeat 2 bytes from (H << 2) + D + 1 back;
 *                           after a run of 4 or more: 3 bytes from (H << 2) + D + 2049 back
 *   0001 HLLL  D D          repeat 2 + L bytes (L = 0: 9 + more) from 16384 + (H << 14) + D back; 16384 is the end of the stream
 *   001L LLLL  D D          repeat 2 + L bytes (L = 0: 33 + more) from D + 1 back
 *   01LD DDSS  H            repeat 3 + L bytes from (H << 3) + D + 1 back
 *   1LLD DDSS  H            repeat 5 + L bytes from (H << 3) + D + 1 back
 *
 * "D D" is 16 bits, little endian: 14 bits of D above 2 bits of S. S literals follow each repetition. "More" is 255 for each zero
 * byte, and the byte after them.
 */
import { copyExact, copyWide, repeatExact, repeatWide } from './copies';

/** What the last instruction copied: S literals of a repetition, or a run of 4 or more. */
const afterRun: usize = 4;
/** Bytes of the instruction that ends the stream: so many are left behind any other. */
const endBytes: usize = 3;

/** Decompresses to at most `room` bytes. Returns their number, or 0 when the stream is not valid; then any of `room` may be written. */
export function lzoDecompress(input: usize, length: usize, output: usize, room: usize): usize {
  let ip = input;
  let op = output;
  const inputEnd = input + length;
  const outputEnd = output + room;
  let state: usize = 0;
  if (length < endBytes) return 0;
  const first = <usize>load<u8>(ip);
  let run: usize = first > 17 ? first - 17 : 0;
  if (run > 0) ip++;

  while (true) {
    // Here `run` literals are to be copied.
    if (run > 0) {
      if (inputEnd - ip < run + endBytes || outputEnd - op < run) return 0;
      if (inputEnd - ip >= run + 16 && outputEnd - op >= run + 16) copyWide(op, ip, run);
      else copyExact(op, ip, run);
      ip += run;
      op += run;
      state = run < 4 ? run : afterRun;
    }

    // Then repetitions, each with its few literals, up to the next run.
    while (true) {
      if (inputEnd - ip < endBytes) return 0;
      const instruction = <usize>load<u8>(ip);
      ip++;
      let distance: usize = 0;
      let count: usize = 0;
      if (instruction >= 0x40) {
        distance = ((<usize>load<u8>(ip)) << 3) + ((instruction >> 2) & 7) + 1;
        count = (instruction >> 5) + 1;
        ip++;
        state = instruction & 3;
      } else if (instruction >= 0x10) {
        const bits: usize = instruction >= 0x20 ? 31 : 7;
        count = instruction & bits;
        if (count === 0) {
          count = bits;
          let more = <usize>load<u8>(ip);
          for (ip++; more === 0; ip++) {
            count += 255;
            if (ip >= inputEnd || count > room) return 0;
            more = <usize>load<u8>(ip);
          }
          count += more;
        }
        count += 2;
        if (inputEnd - ip < 2) return 0;
        const operand = <usize>load<u16>(ip);
        ip += 2;
        state = operand & 3;
        distance = (operand >> 2) + 1;
        if (bits === 7) {
          distance += 16383 + ((instruction & 8) << 11);
          if (distance === 16384) return ip === inputEnd && instruction === 0x11 ? op - output : 0;
        }
      } else if (state === 0) {
        run = instruction;
        if (run === 0) {
          run = 15;
          let more = <usize>load<u8>(ip);
          for (ip++; more === 0; ip++) {
            run += 255;
            if (ip >= inputEnd || run > room) return 0;
            more = <usize>load<u8>(ip);
          }
          run += more;
        }
        run += 3;
        break;
      } else {
        distance = ((<usize>load<u8>(ip)) << 2) + (instruction >> 2) + (state === afterRun ? 2049 : 1);
        count = state === afterRun ? 3 : 2;
        ip++;
        state = instruction & 3;
      }

      if (distance > op - output) return 0;
      const left = outputEnd - op;
      if (left >= count + 20 && inputEnd - ip >= 4 + endBytes) {
        repeatWide(op, distance, count);
        op += count;
        store<u32>(op, load<u32>(ip));
      } else {
        if (left < count + state || inputEnd - ip < state + endBytes) return 0;
        repeatExact(op, distance, count);
        op += count;
        copyExact(op, ip, state);
      }
      op += state;
      ip += state;
    }
  }
}
