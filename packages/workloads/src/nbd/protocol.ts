/** Numbers of the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md), by the names they have there. */

export const GREETING_MAGIC = 0x4e42444d41474943n;
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** Handshake flags, the same bits in both directions. */
export const HANDSHAKE = { fixedNewstyle: 1, noZeroes: 2 } as const;

export const OPTION = {
  exportName: 1,
  abort: 2,
  list: 3,
  startTls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
} as const;

export const REPLY = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  unsupported: 0x80000001,
  policy: 0x80000002,
  invalid: 0x80000003,
  tlsRequired: 0x80000005,
  unknown: 0x80000006,
  tooBig: 0x80000009,
} as const;

/** Set in the type of every reply that refuses an option. */
export const REPLY_ERROR_BIT = 0x80000000;

export const INFO = { export: 0, blockSize: 3 } as const;

export const TRANSMISSION = {
  hasFlags: 1,
  readOnly: 2,
  sendFlush: 4,
  sendFua: 8,
  sendTrim: 32,
  sendWriteZeroes: 64,
  canMultiConn: 256,
} as const;

export const COMMAND = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  writeZeroes: 6,
  blockStatus: 7,
} as const;

export const COMMAND_FLAG = { noHole: 2, dontFragment: 4, requestOne: 8 } as const;

export const CHUNK = {
  none: 0,
  offsetData: 1,
  offsetHole: 2,
  blockStatus: 5,
  error: 0x8001,
  errorOffset: 0x8002,
} as const;

/** Set in the type of every structured reply chunk that tells an error. */
export const CHUNK_ERROR_BIT = 0x8000;
export const CHUNK_DONE = 1;

export const ERROR = { permission: 1, io: 5, invalid: 22, noSpace: 28, overflow: 75, unsupported: 95 } as const;

/** Bits of the context `base:allocation`. */
export const ALLOCATION = { hole: 1, zero: 2 } as const;
/** Bit of the contexts `qemu:dirty-bitmap:…`. */
export const DIRTY = 1;

export const BASE_ALLOCATION = 'base:allocation';

/** Longest name of an export or context, bytes. */
export const MOST_NAME_BYTES = 4096;
/** The most that one request may ask for where the server does not say: what every server must take. */
export const MOST_REQUEST_BYTES = 32 * 1024 * 1024;
