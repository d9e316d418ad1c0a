import { createHash, randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Database } from '../db/database.ts';
import { reserveId } from '../db/idempotency.ts';
import { fail } from '../failures.ts';

const keys = Compile(Type.String({ pattern: '^[\\x21-\\x7e]{1,255}$' }));

/**
 * The id for what a request creates: a fresh one, or with an `Idempotency-Key` that of the first such request.
 * `asked` is what is asked for, without secrets: a stored hash of those could be guessed from.
 */
export async function creationId(
  db: Database,
  request: FastifyRequest,
  operation: string,
  asked: unknown,
): Promise<string> {
  const key = request.headers['idempotency-key'];
  const fresh = randomUUID();
  if (key === undefined) return fresh;
  if (!keys.Check(key)) throw fail('request-invalid', 'An Idempotency-Key is 1 to 255 visible ASCII characters.');
  const fingerprint = createHash('sha256').update(JSON.stringify(asked)).digest();
  return await reserveId(db, { key, operation, fingerprint, fresh, now: Date.now() });
}
