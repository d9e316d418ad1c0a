import { createHash, type KeyObject } from 'node:crypto';
import { releaseMemory, type StageClock } from '@sealift/core';
import {
  CHUNK_TYPE,
  checkBundle,
  decodeBundle,
  openInner,
  parseChunkHeader,
  type RunKey,
  sealInner,
} from '@sealift/crypto';
import { fail } from '../failures.ts';
import { asBuffer, ownBuffer } from '../threads/channel.ts';
import type { VerifyResult, VerifyWork } from './target-messages.ts';

/** Checks a received chunk as far as its mode allows, and makes of it what is stored. @throws Failure for one that must not be stored */
export function verifyChunk(work: VerifyWork, clock: StageClock): VerifyResult {
  const { by } = work;
  const received = asBuffer(work.body);
  if ('idKey' in by) clock.time('verify', () => verifyPlain(received, work, by.idKey));
  else verifySealed(received, work, by);
  const key = 'idKey' in by ? by.sealUnder : undefined;
  const body = key === undefined ? received : clock.time('encrypt', () => seal(received, work, key));
  return { body, checksum: clock.time('hash', () => ownBuffer(createHash('sha256').update(body).digest())) };
}

/** At rest: what was verified is sealed under the key of the session that writes it. */
function seal(inner: Buffer, work: VerifyWork, run: RunKey): Buffer {
  const sealed = sealInner(run, { type: work.type, id: asBuffer(work.id) }, inner);
  releaseMemory(inner);
  return sealed;
}

/** The id is recomputed from the plaintext, and those of bundle members too: no source can plant a chunk under a wrong one. */
function verifyPlain(body: Buffer, work: VerifyWork, idKey: KeyObject): void {
  const plaintext = openInner(body, { type: work.type, id: asBuffer(work.id), idKey });
  if (work.type === CHUNK_TYPE.bundle) verifyMembers(plaintext, work, idKey);
  // A chunk that was stored as it is has its plaintext within the body, which goes on to the repository.
  if (plaintext.buffer !== body.buffer) releaseMemory(plaintext);
}

function verifyMembers(plaintext: Buffer, work: VerifyWork, idKey: KeyObject): void {
  const bundle = decodeBundle(plaintext);
  checkBundle(bundle, idKey);
  const members = asBuffer(work.members);
  const named = Array.from({ length: bundle.count }, (_, ordinal) => bundle.id(ordinal));
  if (!Buffer.concat(named).equals(members)) {
    throw fail('protocol-violation', 'A bundle came with other member ids than it holds.');
  }
}

/** Without keys: the header must name this session's run, so that a point's run table can be trusted to be complete. */
function verifySealed(body: Buffer, work: VerifyWork, run: { domainId: Uint8Array; runSalt: Uint8Array }): void {
  const header = parseChunkHeader(body);
  if (header.type !== work.type) {
    throw fail('protocol-violation', `A chunk of type ${header.type} was sent as one of type ${work.type}.`);
  }
  if (!header.domainId.equals(run.domainId) || !header.runSalt.equals(run.runSalt)) {
    throw fail('protocol-violation', 'A chunk was sealed under another run than the one this session was opened for.');
  }
}
