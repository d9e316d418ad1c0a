import type { PeerCertificate } from '../certificates.ts';
import type { RecordOpener } from '../records/opener.ts';
import type { RecordSealer } from '../records/sealer.ts';

/** Where handshake messages go, whole and in order. The owner closes it when either side of the handshake fails. */
export interface MessageChannel {
  send(message: Buffer): Promise<void>;
  receive(): Promise<Buffer>;
}

export interface HandshakeResult {
  peer: PeerCertificate;
  sealer: RecordSealer;
  opener: RecordOpener;
}
