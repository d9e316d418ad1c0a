import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import { readIfThere, writeDurably } from './private-file.ts';

export interface AdminToken {
  /** Where it is written, mode 0600. */
  file: string;
  /** Takes the same time whatever is wrong with the offered token. */
  matches(offered: string): boolean;
}

/** The token that may do everything, made at the first start. */
export async function openAdminToken(data: string): Promise<AdminToken> {
  const file = join(data, 'admin-token');
  const stored = await readIfThere(file, 'private');
  const token = stored?.trim() || randomBytes(32).toString('base64url');
  if (stored?.trim() !== token) await writeDurably(file, `${token}\n`, 'private');
  const expected = digest(token);
  return { file, matches: (offered) => timingSafeEqual(digest(offered), expected) };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
