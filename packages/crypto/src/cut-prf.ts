import type { KeyObject } from 'node:crypto';
import { fail } from './failures.ts';
import { aesBlocks } from './primitives.ts';

/** Bytes before a candidate cut that decide whether it is one. */
export const CUT_WINDOW_LENGTH = 64;
/** Bytes of pseudo-random output for each window. */
export const CUT_OUTPUT_LENGTH = 16;

const WINDOW_WORDS = CUT_WINDOW_LENGTH / 4;
const BLOCK_WORDS = CUT_OUTPUT_LENGTH / 4;

/**
 * AES-256 CBC-MAC under CPK of `count` windows laid end to end. Sound as a PRF because every input has the same
 * length. All windows advance together, one 16-byte column at a time: four cipher calls whatever the count.
 */
export function cutPrf(cutKey: KeyObject): (windows: Buffer, count: number) => Buffer {
  const encrypt = aesBlocks(cutKey);
  return (windows, count) => {
    if (windows.length < count * CUT_WINDOW_LENGTH) {
      throw fail('limit-exceeded', `${count} windows do not fit ${windows.length} bytes.`);
    }
    const words = new Uint32Array(count * WINDOW_WORDS);
    const bytes = new Uint8Array(words.buffer);
    bytes.set(windows.subarray(0, bytes.length));
    const state = new Uint32Array(count * BLOCK_WORDS);
    const stateBytes = new Uint8Array(state.buffer);
    for (let column = 0; column < WINDOW_WORDS; column += BLOCK_WORDS) {
      mixColumn(state, words, column);
      stateBytes.set(encrypt(stateBytes));
    }
    return Buffer.from(state.buffer);
  };
}

function mixColumn(state: Uint32Array, words: Uint32Array, column: number): void {
  for (let i = 0; i < state.length; i++) {
    const window = i >> 2;
    state[i] = (state[i] as number) ^ (words[window * WINDOW_WORDS + column + (i & 3)] as number);
  }
}
