import { fail } from '../../failures.ts';
import { type BlockRun, extentRuns, indirectRuns } from './block-map.ts';
import { type Blocks, JOURNAL_MAGIC, type JournaledBlock } from './blocks.ts';
import { FLAG, type Inode } from './inode.ts';

const KIND = { descriptor: 1, commit: 2, revoke: 5 };
const FEATURE = { wideBlocks: 0x2, checksums2: 0x8, checksums3: 0x10, fastCommits: 0x20 };
/** Replay of what is written in these ways is known; of others it is not. */
const READABLE = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20;
const TAG = { escaped: 1, sameUuid: 2, last: 8 };
const HEADER = 12;
const MOST_BLOCKS = 4_194_304;

interface Journal {
  blocks: Blocks;
  /** Block of the filesystem by number in the journal. */
  places: number[];
  first: number;
  start: number;
  sequence: number;
  features: number;
}

/** What the transactions of a journal say, in order, until the last that was committed. */
interface Replay {
  newest: Map<number, JournaledBlock & { sequence: number }>;
  /** By block: the last transaction whose older contents are void. */
  revoked: Map<number, number>;
}

/** The blocks whose newest content lies in the journal, for it was not written to its place yet. */
export async function readJournal(blocks: Blocks, inode: Inode): Promise<Map<number, JournaledBlock>> {
  const journal = await openJournal(blocks, inode);
  if (journal === undefined) return new Map();
  const replay: Replay = { newest: new Map(), revoked: new Map() };
  let at = journal.start;
  for (let { sequence } = journal; ; sequence++) {
    const transaction = await readTransaction(journal, at, sequence);
    if (transaction === undefined) break;
    for (const [block, found] of transaction.written) replay.newest.set(block, { ...found, sequence });
    for (const block of transaction.revoked) replay.revoked.set(block, sequence);
    at = transaction.next;
  }
  for (const [block, { sequence }] of replay.newest) {
    if (sequence <= (replay.revoked.get(block) ?? -1)) replay.newest.delete(block);
  }
  return replay.newest;
}

/** @returns undefined for a journal of which everything is in its place */
async function openJournal(blocks: Blocks, inode: Inode): Promise<Journal | undefined> {
  const places = await placesOf(blocks, inode);
  const superblock = await blocks.read(places[0] ?? 0);
  if (!superblock.subarray(0, 4).equals(JOURNAL_MAGIC)) throw damaged();
  const start = superblock.readUInt32BE(28);
  if (start === 0) return undefined;
  const features = superblock.readUInt32BE(4) === 4 ? superblock.readUInt32BE(40) : 0;
  if ((features & ~READABLE) !== 0 || superblock.readUInt32BE(12) !== blocks.size) {
    throw fail('filesystem-unreadable', 'Its journal is written in a way that is not known here.');
  }
  const fast = (features & FEATURE.fastCommits) === 0 ? 0 : superblock.readUInt32BE(84) || 256;
  const end = Math.min(places.length, superblock.readUInt32BE(16)) - fast;
  const first = superblock.readUInt32BE(20);
  if (first < 1 || start < first || start >= end) throw damaged();
  places.length = end;
  return { blocks, places, first, start, features, sequence: superblock.readUInt32BE(24) };
}

async function placesOf(blocks: Blocks, { flags, map, size }: Inode): Promise<number[]> {
  const count = Math.ceil(size / blocks.size);
  if (count > MOST_BLOCKS) throw damaged();
  const places: number[] = [];
  const runs: AsyncGenerator<BlockRun> =
    (flags & FLAG.extents) !== 0 ? extentRuns(blocks, map) : indirectRuns(blocks, map, count);
  for await (const { at, first, count: length } of runs) {
    if (first === undefined || at !== places.length || at + length > MOST_BLOCKS) throw damaged();
    for (let i = 0; i < length; i++) places.push(first + i);
  }
  return places;
}

interface Transaction {
  written: [block: number, found: JournaledBlock][];
  revoked: number[];
  next: number;
}

/** @returns undefined where the journal ends: what was not committed does not count */
async function readTransaction(journal: Journal, start: number, sequence: number): Promise<Transaction | undefined> {
  const transaction: Transaction = { written: [], revoked: [], next: start };
  // Never around the ring a second time.
  for (let read = 0; read < journal.places.length; ) {
    const block = await journal.blocks.read(journal.places[transaction.next] as number);
    if (!block.subarray(0, 4).equals(JOURNAL_MAGIC) || block.readUInt32BE(8) !== sequence % 2 ** 32) return undefined;
    const kind = block.readUInt32BE(4);
    transaction.next = after(journal, transaction.next);
    if (kind === KIND.commit) return transaction;
    if (kind === KIND.revoke) transaction.revoked.push(...revokedIn(journal, block));
    else if (kind === KIND.descriptor) {
      const written = describedIn(journal, block, transaction.next);
      transaction.written.push(...written);
      transaction.next = after(journal, transaction.next, written.length);
      read += written.length;
    } else return undefined;
    read++;
  }
  return undefined;
}

function after({ first, places }: Journal, at: number, count = 1): number {
  return first + ((at - first + count) % (places.length - first));
}

/** The blocks that follow a descriptor, each with where it belongs. */
function describedIn(journal: Journal, block: Buffer, start: number): [number, JournaledBlock][] {
  const found: [number, JournaledBlock][] = [];
  const { length, reserved } = tagForm(journal.features);
  for (let at = HEADER; at + length <= block.length - reserved; ) {
    const { target, flags } = readTag(journal.features, block, at);
    const place = journal.places[after(journal, start, found.length)] as number;
    found.push([target, { block: place, escaped: (flags & TAG.escaped) !== 0 }]);
    if ((flags & TAG.last) !== 0) break;
    at += length + ((flags & TAG.sameUuid) === 0 ? 16 : 0);
  }
  return found;
}

/** Bytes of a tag, and those at the end of a descriptor that hold none. */
function tagForm(features: number): { length: number; reserved: number } {
  if ((features & FEATURE.checksums3) !== 0) return { length: 16, reserved: 4 };
  const wide = (features & FEATURE.wideBlocks) !== 0 ? 4 : 0;
  return (features & FEATURE.checksums2) !== 0 ? { length: 10 + wide, reserved: 4 } : { length: 8 + wide, reserved: 0 };
}

function readTag(features: number, block: Buffer, at: number): { target: number; flags: number } {
  const flags = (features & FEATURE.checksums3) !== 0 ? block.readUInt32BE(at + 4) : block.readUInt16BE(at + 6);
  const high = (features & FEATURE.wideBlocks) !== 0 ? block.readUInt32BE(at + 8) : 0;
  return { target: block.readUInt32BE(at) + high * 2 ** 32, flags };
}

function revokedIn({ features }: Journal, block: Buffer): number[] {
  const wide = (features & FEATURE.wideBlocks) !== 0;
  const end = Math.min(block.length, block.readUInt32BE(HEADER));
  const found: number[] = [];
  for (let at = HEADER + 4; at + (wide ? 8 : 4) <= end; at += wide ? 8 : 4) {
    found.push(wide ? Number(block.readBigUInt64BE(at)) : block.readUInt32BE(at));
  }
  return found;
}

function damaged() {
  return fail('filesystem-damaged', 'Its journal makes no sense.');
}
