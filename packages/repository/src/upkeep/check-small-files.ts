import { type Failure, toFailure } from '@sealift/core';
import { uuidText } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { decodeKeyTable, LONGEST_KEY_TABLE } from '../format/key-table.ts';
import { decodeLeastLock } from '../format/least-lock.ts';
import { decodePointLock } from '../format/point-lock.ts';
import { decodeRemoval } from '../format/removal.ts';
import { decodeZoneSecret } from '../format/zone-secret.ts';
import {
  isLeastLockName,
  KEYS_FOLDER,
  LEAST_LOCKS_FOLDER,
  LOCKS_FOLDER,
  parseKeyTableName,
  parseLockName,
  parseRemovalName,
  parseZoneName,
  REMOVALS_FOLDER,
  SPARE_ZONES_FOLDER,
  ZONES_FOLDER,
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
  zoneKind(ZONES_FOLDER),
  zoneKind(SPARE_ZONES_FOLDER),
  { folder: LEAST_LOCKS_FOLDER, isOne: isLeastLockName, check: (bytes) => void decodeLeastLock(bytes) },
  {
    folder: REMOVALS_FOLDER,
    // A mark has all it says in its name.
    isOne: (name) => parseRemovalName(name) !== undefined && parseRemovalName(name)?.mark === undefined,
    check: (bytes) => void decodeRemoval(bytes),
  },
];

function zoneKind(folder: string): SmallFiles {
  return {
    folder,
    isOne: (name) => parseZoneName(name) !== undefined,
    check: (bytes, name, { config, zoneSecrets }) => {
      const { repositoryId, zone, dedupSecret } = decodeZoneSecret(bytes);
      const known = zoneSecrets.get(zone.toString('hex'));
      const same = known === undefined || known.equals(dedupSecret);
      const named = uuidText(zone) === parseZoneName(name);
      mustBe(same && named && repositoryId.equals(config.id), 'It is of another repository or zone.');
    },
  };
}

function mustBe(holds: boolean, why: string): void {
  if (!holds) throw fail('format-damaged', why);
}

/** Reads key tables, secrets of zones, locks and the log of removals. */
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
