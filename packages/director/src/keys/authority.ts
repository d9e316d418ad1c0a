import { join } from 'node:path';
import { type Authority, createAuthority, loadAuthority } from '@sealift/crypto';
import { fail } from '../failures.ts';
import { readIfThere, writeDurably } from './private-file.ts';

/**
 * The certificate authority of this Director, made at its first start. The certificate is written last: without it
 * nothing was certified yet, and a key left by a start that broke off is made anew.
 */
export async function openAuthority(data: string): Promise<Authority> {
  const [keyFile, certificateFile] = [join(data, 'ca.key'), join(data, 'ca.pem')];
  const certificate = await readIfThere(certificateFile, 'public');
  if (certificate !== undefined) {
    const key = await readIfThere(keyFile, 'private');
    if (key === undefined)
      throw fail('authority-incomplete', `${certificateFile} is there, but ${keyFile} is missing.`);
    return loadAuthority(key, certificate);
  }
  const authority = await createAuthority();
  await writeDurably(keyFile, authority.exportKey(), 'private');
  await writeDurably(certificateFile, authority.certificate, 'public');
  return authority;
}
