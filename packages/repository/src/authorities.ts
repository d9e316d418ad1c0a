import { type Failure, toFailure } from '@sealift/core';
import { certificateDer, parseAuthority } from '@sealift/crypto';
import { AUTHORITIES_FOLDER, authorityName, isAuthorityName } from './layout.ts';
import type { Store } from './store/store.ts';

/** Longest certificate of an authority, DER. */
const LONGEST_AUTHORITY = 8 * 1024;
/** A repository changes hands a few times in its life; more than this are not read. */
const MOST_AUTHORITIES = 64;

/**
 * Keeps the certificate (PEM) of the authority under which points are made now, so that another Director can check
 * signers without the files of this one. A disk that is full must not keep a repository closed: then it is only told.
 */
export async function keepAuthority(store: Store, pem: string, onProblem: (failure: Failure) => void): Promise<void> {
  try {
    await store.publish(authorityName(parseAuthority(pem).fingerprint), certificateDer(pem));
  } catch (thrown) {
    const failure = toFailure(thrown);
    if (failure.code !== 'file-exists') onProblem(failure);
  }
}

/**
 * Certificates of the authorities under which points were made, DER. One that is damaged is left out: its points then
 * need the certificate from somebody who has it.
 */
export async function readAuthorities(store: Store): Promise<Buffer[]> {
  const names = (await store.list(AUTHORITIES_FOLDER)).filter(isAuthorityName).sort();
  const found: Buffer[] = [];
  for (const name of names.slice(0, MOST_AUTHORITIES)) {
    const { tail, length } = await store.readTail(name, LONGEST_AUTHORITY);
    if (length <= LONGEST_AUTHORITY && holdsAuthority(tail, name)) found.push(tail);
  }
  return found;
}

function holdsAuthority(der: Buffer, name: string): boolean {
  try {
    return authorityName(parseAuthority(der).fingerprint) === name;
  } catch {
    return false;
  }
}
