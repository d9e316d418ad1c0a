import { MAX_RECORD_PAYLOAD } from '@sealift/crypto';

/** Name and version of what is spoken on a link, negotiated as WebSocket subprotocol. */
export const DATA_SUBPROTOCOL = 'sealift-data.v1';

/** Longest message payload, bytes: what a record holds. */
export const MAX_PAYLOAD = MAX_RECORD_PAYLOAD;
/** Longest WebSocket message, bytes: a record with its header and tag, and some room. */
export const MAX_RECORD = 20 * 1024 * 1024;
/** Longest message of the in-flight handshake, bytes. */
export const MAX_HANDSHAKE_MESSAGE = 64 * 1024;

/** From dialling (or accepting) to the last message of the in-flight handshake, ms. */
export const HANDSHAKE_TIMEOUT = 10_000;
/** A peer that is silent for this long is gone, ms. */
export const DEFAULT_PATIENCE = 15_000;
/** For the closing handshake, ms; after it the connection is dropped. */
export const CLOSE_TIMEOUT = 5_000;

/** Links that a target takes at once unless told, in all and from one peer. */
export const DEFAULT_LINKS = { all: 256, perPeer: 32 } as const;
/** Beside the links: TCP connections that have not come as far as the upgrade. */
export const MAX_EARLY_CONNECTIONS = 64;

/** Unsent bytes above which `send` waits. */
export const SEND_HIGH_WATER = 8 * 1024 * 1024;
/** Received and not yet taken: bytes at which the socket is paused, and at which it is resumed. */
export const RECEIVE_HIGH_WATER = 64 * 1024 * 1024;
export const RECEIVE_LOW_WATER = 32 * 1024 * 1024;

/** Options of `ws` at both ends. A record comes in two fragments; a proxy may split it into some more. */
export const SOCKET_OPTIONS = {
  maxPayload: MAX_RECORD,
  maxFragments: 64,
  maxBufferedChunks: 65_536,
  perMessageDeflate: false,
  closeTimeout: CLOSE_TIMEOUT,
} as const;
