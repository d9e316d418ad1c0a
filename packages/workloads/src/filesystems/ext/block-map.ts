import { fail } from '../../failures.ts';
import type { Blocks } from './blocks.ts';

/** Blocks of a file that lie one behind the other; without `first` they are zeros. */
export interface BlockRun {
  /** Number of the first one in the file. */
  at: number;
  first?: number;
  count: number;
}

const EXTENT_MAGIC = 0xf30a;
const DEEPEST = 5;
const UNWRITTEN = 32_768;

/** The runs of a file that is mapped by extents, in order; what lies between them is a hole. */
export async function* extentRuns(blocks: Blocks, root: Buffer): AsyncGenerator<BlockRun, void, undefined> {
  let next = 0;
  for await (const run of extentsIn(blocks, root, DEEPEST)) {
    // Each is behind the one before, so that no tree makes more runs than a file has blocks.
    if (run.at < next) throw damaged();
    next = run.at + run.count;
    yield run;
  }
}

async function* extentsIn(blocks: Blocks, node: Buffer, levels: number): AsyncGenerator<BlockRun, void, undefined> {
  const entries = node.readUInt16LE(2);
  const depth = node.readUInt16LE(6);
  if (node.readUInt16LE(0) !== EXTENT_MAGIC || depth > levels || 12 + entries * 12 > node.length) throw damaged();
  for (let at = 12; at < 12 + entries * 12; at += 12) {
    if (depth > 0) {
      const child = node.readUInt16LE(at + 8) * 2 ** 32 + node.readUInt32LE(at + 4);
      yield* extentsIn(blocks, await blocks.read(child), depth - 1);
    } else yield extent(node, at);
  }
}

function extent(node: Buffer, at: number): BlockRun {
  const length = node.readUInt16LE(at + 4);
  const run = { at: node.readUInt32LE(at), count: length > UNWRITTEN ? length - UNWRITTEN : length };
  if (run.count === 0) throw damaged();
  if (length > UNWRITTEN) return run;
  return { ...run, first: node.readUInt16LE(at + 6) * 2 ** 32 + node.readUInt32LE(at + 8) };
}

/** The runs of a file that is mapped block by block, as ext2 and ext3 do it, up to its `count` blocks. */
export async function* indirectRuns(
  blocks: Blocks,
  pointers: Buffer,
  count: number,
): AsyncGenerator<BlockRun, void, undefined> {
  let last: Required<BlockRun> | undefined;
  for await (const { at, first } of pointed(blocks, pointers, count)) {
    if (last !== undefined && last.at + last.count === at && last.first + last.count === first) {
      last.count++;
      continue;
    }
    if (last !== undefined) yield last;
    last = { at, first, count: 1 };
  }
  if (last !== undefined) yield last;
}

interface Pointed {
  at: number;
  first: number;
}

async function* pointed(blocks: Blocks, pointers: Buffer, count: number): AsyncGenerator<Pointed, void, undefined> {
  const perBlock = blocks.size / 4;
  let at = 0;
  for (let i = 0; i < 15 && at < count; i++) {
    const level = Math.max(0, i - 11);
    const pointer = pointers.readUInt32LE(i * 4);
    if (pointer !== 0) yield* below(blocks, pointer, { level, at, count });
    at += perBlock ** level;
  }
}

async function* below(
  blocks: Blocks,
  pointer: number,
  { level, at, count }: { level: number; at: number; count: number },
): AsyncGenerator<Pointed, void, undefined> {
  if (level === 0) {
    yield { at, first: pointer };
    return;
  }
  const node = await blocks.read(pointer);
  const span = (blocks.size / 4) ** (level - 1);
  for (let i = 0; i < blocks.size / 4 && at + i * span < count; i++) {
    const child = node.readUInt32LE(i * 4);
    if (child !== 0) yield* below(blocks, child, { level: level - 1, at: at + i * span, count });
  }
}

function damaged() {
  return fail('filesystem-damaged', 'The map of the blocks of a file makes no sense.');
}
