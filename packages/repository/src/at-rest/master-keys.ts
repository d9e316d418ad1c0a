import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  createMasterKey,
  masterKeyMac,
  openMasterKey,
  type RunKey,
  repositoryRunKey,
  SALT_LENGTH,
  sealMasterKey,
  slotCheckValue,
  slotPublicKey,
  unwrapUnderMaster,
  uuidText,
  wrapUnderMaster,
} from '@sealift/crypto';
import { fail } from '../failures.ts';
import {
  type DecodedKeyTable,
  encodeKeyTable,
  type KeySlot,
  type KeyTable,
  type SlotDescription,
  slotHeader,
} from '../format/key-table.ts';

const DEDUP_PURPOSE = 'dedup-secret';
const EARLIER_PURPOSE = 'earlier-master-key';
const ZONE_PURPOSE = 'zone-secret';
/** Run keys kept at hand; a restore meets the same few again and again. */
const MOST_RUNS = 1024;

/** The master keys of an unlocked repository, and what they make and open. */
export class MasterKeys {
  readonly repositoryId: Buffer;
  readonly epoch: number;
  readonly dedupSecret: Buffer;
  readonly #masters: ReadonlyMap<number, Buffer>;
  /** Dedup secrets of the zones of other repositories, by zone in hexadecimal. */
  readonly #zones: ReadonlyMap<string, Buffer>;
  readonly #runs = new Map<string, RunKey>();

  constructor(
    { repositoryId, epoch, dedupSecret }: Pick<MasterKeys, 'repositoryId' | 'epoch' | 'dedupSecret'>,
    masters: ReadonlyMap<number, Buffer>,
    zones: ReadonlyMap<string, Buffer> = new Map(),
  ) {
    this.repositoryId = repositoryId;
    this.epoch = epoch;
    this.dedupSecret = dedupSecret;
    this.#masters = masters;
    this.#zones = zones;
  }

  /** Fresh ones, for a new repository. */
  static create(repositoryId: Buffer): MasterKeys {
    return new MasterKeys({ repositoryId, epoch: 1, dedupSecret: randomBytes(32) }, new Map([[1, createMasterKey()]]));
  }

  /** By the key of one slot. A wrong key, an unknown slot and a damaged table are different failures. */
  static open(table: DecodedKeyTable, slotId: Buffer, slotKey: Buffer): MasterKeys {
    const slot = table.slots.find(({ id }) => id.equals(slotId));
    if (slot === undefined) throw fail('key-slot-unknown', `The repository has no key slot ${uuidText(slotId)}.`);
    if (!timingSafeEqual(slotCheckValue(slotKey, slot.id), slot.checkValue)) {
      throw fail('wrong-repository-key', `This is not the key of the slot ${slot.label || uuidText(slotId)}.`);
    }
    const master = openMasterKey(slotKey, slot.sealedMaster, slotHeader(table, slot));
    if (master === undefined || !timingSafeEqual(masterKeyMac(master, table.authenticated), table.mac)) {
      throw changed('the key is right, but the key table was changed');
    }
    return MasterKeys.#openRest(table, master);
  }

  static #openRest(table: DecodedKeyTable, master: Buffer): MasterKeys {
    const { repositoryId, epoch, wrappedDedupSecret } = table;
    const secret = unwrapUnderMaster(master, wrappedDedupSecret, { purpose: DEDUP_PURPOSE, repositoryId, epoch });
    if (secret === undefined) throw changed('the dedup secret does not open');
    const masters = new Map([[epoch, master]]);
    for (const { epoch: earlier, wrapped } of table.earlier) {
      const context = { purpose: EARLIER_PURPOSE, repositoryId, epoch: earlier };
      const key = unwrapUnderMaster(master, wrapped, context);
      if (key === undefined) throw changed(`master key ${earlier} does not open`);
      masters.set(earlier, key);
    }
    return new MasterKeys({ repositoryId, epoch, dedupSecret: secret }, masters, zonesOf(table, master));
  }

  /** A key for one session that writes. */
  newRun(): RunKey {
    return this.#derive(this.epoch, randomBytes(SALT_LENGTH)) as RunKey;
  }

  /** The key of a session that wrote before; undefined when its master key is gone. */
  runKey(runSalt: Buffer, epoch: number): RunKey | undefined {
    const name = `${epoch}-${runSalt.toString('latin1')}`;
    const known = this.#runs.get(name);
    if (known !== undefined) return known;
    const run = this.#derive(epoch, Buffer.from(runSalt));
    if (run === undefined) return undefined;
    if (this.#runs.size >= MOST_RUNS) this.#runs.clear();
    this.#runs.set(name, run);
    return run;
  }

  /** With a new master key on top; those before stay, for what is sealed under them. */
  rotated(): MasterKeys {
    const epoch = this.epoch + 1;
    return this.#copy(epoch, [...this.#masters, [epoch, createMasterKey()]], this.#zones);
  }

  /** Without the master keys under which nothing is sealed any more. */
  retaining(epochs: ReadonlySet<number>): MasterKeys {
    const kept = [...this.#masters].filter(([epoch]) => epoch === this.epoch || epochs.has(epoch));
    return this.#copy(this.epoch, kept, this.#zones);
  }

  /** With the dedup secret of the zone of another repository. */
  withZone(zone: Buffer, dedupSecret: Buffer): MasterKeys {
    return this.#copy(this.epoch, this.#masters, [...this.#zones, [zone.toString('hex'), dedupSecret]]);
  }

  /** Undefined for a zone that is not known. */
  zoneSecret(zone: Buffer): Buffer | undefined {
    return this.#zones.get(zone.toString('hex'));
  }

  /** The slot of a key: with the present master key sealed to it. */
  slot(description: SlotDescription, slotKey: Buffer): KeySlot {
    const { id } = description;
    const slot = { ...description, checkValue: slotCheckValue(slotKey, id), publicKey: slotPublicKey(slotKey) };
    return this.sealedTo(slot);
  }

  /** The same slot, with the present master key in place of what was sealed to it. */
  sealedTo(slot: Omit<KeySlot, 'sealedMaster'>): KeySlot {
    const { id, kind, label, kdf, kms, checkValue, publicKey } = slot;
    const how = { ...(kdf === undefined ? {} : { kdf }), ...(kms === undefined ? {} : { kms }) };
    const fields = { id, kind, label, ...how, checkValue, publicKey };
    return { ...fields, sealedMaster: sealMasterKey(publicKey, this.#present(), slotHeader(this, fields)) };
  }

  /** Bytes of the table with these slots. */
  encode(generation: number, slots: KeySlot[]): Buffer {
    const { repositoryId, epoch } = this;
    const master = this.#present();
    const before = [...this.#masters].filter(([number]) => number !== epoch);
    const table: KeyTable = {
      repositoryId,
      generation,
      epoch,
      wrappedDedupSecret: wrapUnderMaster(master, this.dedupSecret, { purpose: DEDUP_PURPOSE, repositoryId, epoch }),
      earlier: before.map(([number, key]) => ({
        epoch: number,
        wrapped: wrapUnderMaster(master, key, { purpose: EARLIER_PURPOSE, repositoryId, epoch: number }),
      })),
      zones: [...this.#zones].map(([hex, secret]) => {
        const zone = Buffer.from(hex, 'hex');
        const context = { purpose: ZONE_PURPOSE, repositoryId: zone, epoch };
        return { zone, wrapped: wrapUnderMaster(master, secret, context) };
      }),
      slots,
    };
    return encodeKeyTable(table, (authenticated) => masterKeyMac(master, authenticated));
  }

  /** Numbers of the master keys before the present one. */
  get earlierEpochs(): number[] {
    return [...this.#masters.keys()].filter((epoch) => epoch !== this.epoch);
  }

  erase(): void {
    for (const key of [this.dedupSecret, ...this.#masters.values(), ...this.#zones.values()]) key.fill(0);
    this.#runs.clear();
  }

  /** In memory of its own, for this one is erased when the other takes its place. */
  #copy(
    epoch: number,
    masters: Iterable<readonly [number, Buffer]>,
    zones: Iterable<readonly [string, Buffer]>,
  ): MasterKeys {
    const { repositoryId, dedupSecret } = this;
    return new MasterKeys(
      { repositoryId, epoch, dedupSecret: Buffer.from(dedupSecret) },
      ownCopies(masters),
      ownCopies(zones),
    );
  }

  #present(): Buffer {
    return this.#masters.get(this.epoch) as Buffer;
  }

  #derive(epoch: number, runSalt: Buffer): RunKey | undefined {
    const master = this.#masters.get(epoch);
    return master && repositoryRunKey(master, { repositoryId: this.repositoryId, epoch, runSalt });
  }
}

function zonesOf({ zones, epoch }: DecodedKeyTable, master: Buffer): Map<string, Buffer> {
  return new Map(
    zones.map(({ zone, wrapped }) => {
      const secret = unwrapUnderMaster(master, wrapped, { purpose: ZONE_PURPOSE, repositoryId: zone, epoch });
      if (secret === undefined) throw changed('the dedup secret of a zone does not open');
      return [zone.toString('hex'), secret];
    }),
  );
}

function ownCopies<Key>(keys: Iterable<readonly [Key, Buffer]>): Map<Key, Buffer> {
  return new Map([...keys].map(([name, key]) => [name, Buffer.from(key)]));
}

function changed(how: string) {
  return fail('key-table-damaged', `The key table of the repository cannot be trusted: ${how}.`);
}
