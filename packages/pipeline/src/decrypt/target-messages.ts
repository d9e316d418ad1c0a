import type { KeyObject } from 'node:crypto';
import type { ChunkType, RunKey } from '@sealift/crypto';

/** A chunk as received, and by what it is to be checked. */
export interface VerifyWork {
  type: ChunkType;
  id: Uint8Array;
  /** Ids of bundle members, 32 bytes each. */
  members: Uint8Array;
  /** Transferred, and given back. */
  body: Uint8Array;
  /**
   * In-flight mode: everything is recomputed from the plaintext, which is then sealed if the repository is encrypted at
   * rest. Source-side mode: only the header can be checked.
   */
  by: { idKey: KeyObject; sealUnder?: RunKey } | { domainId: Uint8Array; runSalt: Uint8Array };
}

export interface VerifyResult {
  /** As it is to be stored. */
  body: Uint8Array;
  /** SHA-256 of the body. */
  checksum: Uint8Array;
}

export type TargetWorkerMethods = {
  verify: [VerifyWork, VerifyResult];
};
