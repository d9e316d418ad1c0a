import { fail } from './failures.ts';
import { argon2id } from './primitives.ts';

/** Argon2id cost. */
export interface KdfParameters {
  name: 'argon2id';
  memoryKiB: number;
  passes: number;
  lanes: number;
}

export const DEFAULT_KDF: KdfParameters = { name: 'argon2id', memoryKiB: 256 * 1024, passes: 3, lanes: 4 };

/** Below the floor an attacker would have an easier guess, above the ceiling a forged descriptor would stall a restore. */
export const KDF_LIMITS = {
  memoryKiB: { least: 64 * 1024, most: 2 * 1024 * 1024 },
  passes: { least: 3, most: 10 },
  lanes: { least: 1, most: 16 },
} as const;

export const SALT_LENGTH = 32;
const MAX_PASSWORD_LENGTH = 1024;

/** Refuses Argon2id parameters outside the limits, when made and when read. */
export function checkKdf(kdf: KdfParameters): void {
  for (const name of ['memoryKiB', 'passes', 'lanes'] as const) {
    const { least, most } = KDF_LIMITS[name];
    const value = kdf[name];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw fail('kdf-refused', `Argon2id with ${name} ${value} is not accepted: ${least} to ${most} is.`);
    }
  }
}

/**
 * PH. The password is brought to Unicode NFC first, so that the same password typed on another system, where it may
 * arrive decomposed, gives the same bytes.
 */
export async function hashPassword(password: string, salt: Buffer, kdf: KdfParameters): Promise<Buffer> {
  checkKdf(kdf);
  const bytes = Buffer.from(password.normalize('NFC'), 'utf8');
  try {
    if (bytes.length === 0 || bytes.length > MAX_PASSWORD_LENGTH) {
      throw fail('password-unusable', `A password of ${bytes.length} bytes cannot be used.`);
    }
    return await argon2id(bytes, salt, kdf);
  } finally {
    bytes.fill(0);
  }
}
