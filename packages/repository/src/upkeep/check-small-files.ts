import { type Failure, toFailure } from '@sealift/core';
import { uuidText } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { decodeKeyTable, LONGEST_KEY_TABLE } from '../format/key-table.ts';
import { decodeLeastLock } from '../format/least-lock.ts';
import { decodePointLock } from '../format/point-lock.ts';
import { decodeRemoval } from '../format/removal.ts';
import {
  isLeastLockName,
  KEYS_FOLDER,
  LEAST_LOCKS_FOLDER,
  LOCKS_FOLDER,
  parseKeyTableName,
  parseLockName,
  parseRemovalName,
  REMOVALS_FOLDER,
} from '../layout.ts';
import type { UpkeepHost } from './host.ts';

/** Of a kind of small file: whether a name is one, and whether it is well, else it throws. */
interface SmallFiles {
  folder: string;
  isOne(name: string): boolean;
  check(bytes: Buffer, name: string, host: UpkeepHost): void;
}

const KINDS: SmallFiles[] = [
  {
    folder: KEYS_FOLDER,
    isOne: (name) => parseKeyTableName(name) !== undefined,
    check: (bytes, name, { config }) => {
      const { repositoryId, generation } = decodeKeyTable(bytes);
      const named = parseKeyTableName(name)?.generation;
      mustBe(repositoryId.equals(config.id) && generation === named, 'It belongs to another repository or generation.');
    },
  },
  {
    folder: LOCKS_FOLDER,
    isOne: (name) => parseLockName(name) !== undefined,
    check: (bytes, name) => {
      const { pointId } = decodePointLock(bytes);
      mustBe(uuidText(pointId) === parseLockName(name)?.pointId, 'It is the lock of another recovery point.');
    },
  },
  { folder: LEAST_LOCKS_FOLDER, isOne: isLeastLockName, check: (bytes) => void decodeLeastLock(bytes) },
  {
    folder: REMOVALS_FOLDER,
    // A mark has all it says in its name.
    isOne: (name) => parseRemovalName(name) !== undefined && parseRemovalName(name)?.mark === undefined,
    check: (bytes) => void decodeRemoval(bytes),
  },
];

function mustBe(holds: boolean, why: string): void {
  if (!holds) throw fail('format-damaged', why);
}

/** Reads key tables, locks and the log of removals. */
export async function checkSmallFiles(
  host: UpkeepHost,
  onFlaw: (file: string, failure: Failure) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const kind of KINDS) {
    for (const name of (await host.store.list(kind.folder)).filter(kind.isOne)) {
      signal?.throwIfAborted();
      await checkFile(host, kind, name, onFlaw);
    }
  }
}

async function checkFile(
  host: UpkeepHost,
  kind: SmallFiles,
  name: string,
  onFlaw: (file: string, failure: Failure) => void,
): Promise<void> {
  try {
    const { tail, length } = await host.store.readTail(name, LONGEST_KEY_TABLE);
    mustBe(length === tail.length, `It has ${length} bytes.`);
    kind.check(tail, name, host);
  } catch (thrown) {
    const cause = toFailure(thrown);
    // A newer one takes the place of each of these files in time.
    if (cause.code === 'file-missing') return;
    if (cause.kind === 'retry' || cause.kind === 'bug') throw cause;
    onFlaw(name, fail('file-damaged', `${name} is damaged: ${cause.message}`, { cause }));
  }
}
