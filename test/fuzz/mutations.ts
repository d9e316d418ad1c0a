import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Failure } from '@sealift/core';
import type { Test } from 'tap';

/** Inputs that each parser is given, unless its test says why it is given fewer. */
const INPUTS = 100_000;
/** An input that takes longer twice in a row is one that hangs, ms. */
const LONGEST = 250;
/** What a parser may hold on to, looked at every so many inputs, bytes. */
const MOST_GROWTH = 64e6;
const LOOK_EVERY = 10_000;
const SEED = Number(process.env.SEALIFT_FUZZ_SEED ?? 20_261_124);
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Mulberry32: the same inputs for the same seed on every machine. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

type Mutation = (bytes: Buffer, random: (below: number) => number, other: Buffer) => Buffer;

/** Mutations know nothing of a format; valid samples bring the structure. */
const MUTATIONS: Mutation[] = [
  (bytes, random) => flipped(bytes, random),
  (bytes, random) => flipped(flipped(bytes, random), random),
  (bytes, random) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes, random) => Buffer.concat([bytes, Buffer.alloc(1 + random(64), random(256))]),
  (bytes, random, other) =>
    Buffer.concat([bytes.subarray(0, random(bytes.length + 1)), other.subarray(random(other.length + 1))]),
  (bytes, random) => withInteger(bytes, random, 1),
  (bytes, random) => withInteger(bytes, random, 2),
  (bytes, random) => withInteger(bytes, random, 4),
  (bytes, random) => repeated(bytes, random),
  (bytes, random) => withNoise(bytes, random),
];

function flipped(bytes: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return copy;
  const at = random(copy.length);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << random(8)), at);
  return copy;
}

function withInteger(bytes: Buffer, random: (below: number) => number, width: 1 | 2 | 4): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length < width) return copy;
  const value = (EXTREMES[random(EXTREMES.length)] as number) % 256 ** width;
  copy.writeUIntBE(value, random(copy.length - width + 1), width);
  return copy;
}

/** A piece of it twice: a repeated section, or one that pushes all others on. */
function repeated(bytes: Buffer, random: (below: number) => number): Buffer {
  const from = random(bytes.length + 1);
  const piece = bytes.subarray(from, from + random(64));
  return Buffer.concat([bytes.subarray(0, from), piece, bytes.subarray(from)]);
}

function withNoise(bytes: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(bytes);
  const from = random(copy.length + 1);
  for (let at = from; at < Math.min(copy.length, from + 16); at++) copy.writeUInt8(random(256), at);
  return copy;
}

/**
 * Gives a parser 100,000 inputs made from valid samples, or as many as `inputs` says. Each must be taken or refused by a
 * Failure that is no bug, within bounded time, and all of them together within bounded memory.
 */
export async function fuzz(
  t: Test,
  samples: Buffer[],
  parse: (bytes: Buffer) => unknown,
  inputs: number = INPUTS,
): Promise<void> {
  for (const sample of samples) await parse(Buffer.from(sample));
  const random = generator(SEED);
  const before = await memory();
  const outcomes = new Map<string, number>();
  let peak = before;
  for (let number = 0; number < inputs; number++) {
    const [sample, other] = [samples[random(samples.length)], samples[random(samples.length)]] as [Buffer, Buffer];
    const mutation = MUTATIONS[random(MUTATIONS.length)] as Mutation;
    const input = mutation(sample, random, other);
    const made = outcomeOf(input, parse);
    const outcome = typeof made === 'string' ? made : await made;
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (number % LOOK_EVERY === 0) peak = Math.max(peak, await memory());
    if (outcome.startsWith('!')) {
      t.fail(`input ${number}, seed ${SEED}: ${outcome}: ${input.toString('hex').slice(0, 400)}`);
      return;
    }
  }
  const grown = Math.max(peak, await memory()) - before;
  t.ok(grown < MOST_GROWTH, `memory grew by ${(grown / 1e6).toFixed(0)} MB`);
  t.ok(outcomes.size > 1, [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '));
}

interface Tried {
  /** `taken`, the code of the refusal, or what went wrong after a `!`. */
  outcome: string;
  /** ms */
  took: number;
}

/** Waits only for parsers that are asynchronous: turns in between would change what is held of all others. */
function outcomeOf(input: Buffer, parse: (bytes: Buffer) => unknown): string | Promise<string> {
  const first = timed(input, parse);
  if (first instanceof Promise)
    return first.then((tried) => (tried.took > LONGEST ? again(tried, input, parse) : tried.outcome));
  return first.took > LONGEST ? again(first, input, parse) : first.outcome;
}

/** One that is slow twice in a row hangs. */
async function again(first: Tried, input: Buffer, parse: (bytes: Buffer) => unknown): Promise<string> {
  return (await timed(input, parse)).took > LONGEST ? `! took ${first.took} ms` : first.outcome;
}

function timed(input: Buffer, parse: (bytes: Buffer) => unknown): Tried | Promise<Tried> {
  const start = performance.now();
  const tried = (outcome: string) => ({ outcome, took: performance.now() - start });
  try {
    const parsed = parse(Buffer.from(input));
    if (parsed instanceof Promise)
      return parsed.then(
        () => tried('taken'),
        (thrown) => tried(refusal(thrown)),
      );
    return tried('taken');
  } catch (thrown) {
    return tried(refusal(thrown));
  }
}

function refusal(thrown: unknown): string {
  if (thrown instanceof Failure && thrown.kind !== 'bug') return thrown.code;
  return `! ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
}

/** What is held, bytes: collected until nothing more goes, for what a collection frees outside the heap goes in later turns. */
async function memory(): Promise<number> {
  let held = Number.POSITIVE_INFINITY;
  for (;;) {
    await setImmediate();
    collect();
    await setImmediate();
    const { heapUsed, external } = process.memoryUsage();
    const now = heapUsed + external;
    if (now > held - 1e6) return now;
    held = now;
  }
}
