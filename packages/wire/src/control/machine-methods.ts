import { type Static, Type } from 'typebox';
import { Count, record, text } from './fields.ts';

/** At most this many block devices are told of. */
const MOST_DEVICES = 1024;

/** A disk, a partition, or what is made of them. */
export const BlockDeviceFields = record({
  /** Path of its node. */
  path: text(255),
  /** Paths of what it is a part of or made of. */
  parents: Type.Array(text(255), { maxItems: MOST_DEVICES }),
  /** As of lsblk: `disk`, `part`, `loop`, `lvm`, `crypt`, ... */
  type: text(255),
  size: Count,
  readOnly: Type.Boolean(),
  removable: Type.Boolean(),
  model: Type.Optional(text(255)),
  serial: Type.Optional(text(255)),
  /** `gpt` or `dos`, on what holds a partition table. */
  table: Type.Optional(text(255)),
  filesystem: Type.Optional(text(255)),
  label: Type.Optional(text(255)),
  uuid: Type.Optional(text(255)),
  mountPoints: Type.Array(text(255), { maxItems: 64 }),
});
export type BlockDeviceFields = Static<typeof BlockDeviceFields>;

/** What a source or an agent tells of the machine that it runs on. */
export const MACHINE_METHODS = {
  /** Disks, partitions, filesystems, and where they are mounted. */
  'machine.disks': {
    caller: 'director',
    params: record({}),
    result: record({
      devices: Type.Array(BlockDeviceFields, { maxItems: MOST_DEVICES }),
      /** What could not be found out, and why. */
      notes: Type.Array(text(512), { maxItems: 16 }),
    }),
  },
} as const;
