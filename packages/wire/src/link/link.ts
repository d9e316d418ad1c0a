import type { Failure } from '@sealift/core';
import type { PeerCertificate, Ticket } from '@sealift/crypto';
import type { Pacer } from '../bandwidth/pacer.ts';

export interface LinkMessage {
  kind: number;
  payload: Buffer;
}

/** One authenticated, encrypted connection between two Transporters. */
export interface Link extends AsyncDisposable {
  readonly peer: PeerCertificate;
  /** At the target: what the source may do here. */
  readonly ticket?: Ticket;
  /** Bytes of records handed to the socket. */
  readonly bytesSent: number;
  /** Bytes of records taken from the socket. */
  readonly bytesReceived: number;
  /** Time that this thread spent on messages, ms: sealing and handing them to the socket, opening them. */
  readonly busy: Readonly<Record<'sending' | 'receiving', number>>;
  /** Sends one message of at most `MAX_PAYLOAD` bytes; waits while too much is still unsent. `parts` are free again then. */
  send(kind: number, parts: Buffer[]): Promise<void>;
  /** The peer's messages, for one reader. Ends after the peer's END; fails with `disconnected` when cut off before. */
  messages(): AsyncIterable<LinkMessage>;
  /** Says that nothing more will be sent, and waits until that is on its way. The other direction goes on. */
  end(): Promise<void>;
  /** From now on, what is sent waits for those that `pacers` names, in small slices; asked again for each. */
  paceBy(pacers: () => Pacer[]): void;
  /** Drops the connection; both directions fail with `failure` on this side. */
  abort(failure: Failure): void;
}
