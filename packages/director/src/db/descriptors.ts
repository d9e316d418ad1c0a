import { createHash } from 'node:crypto';
import type { Database, Statement } from './database.ts';
import { newestEpoch } from './password-epochs.ts';

/** Later passwords of a domain that are looked for: a domain has no more links. */
const MOST_LATER = 64;

export function descriptorHash(descriptor: Buffer): Buffer {
  return createHash('sha256').update(descriptor).digest();
}

/** Keeps the descriptor of a domain whose password may be unknown here. */
export function addDescriptor(descriptor: Buffer, of: { domainId: string; epoch: number }): Statement {
  return {
    sql: 'INSERT INTO descriptors (hash, domain_id, epoch, descriptor) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
    values: [descriptorHash(descriptor), of.domainId, of.epoch, descriptor],
  };
}

/**
 * The descriptors whose password opens runs of this epoch of a domain: the newest known here, then those that came with
 * adopted points, the own epoch first and then the newest first.
 */
export async function descriptorsOpening(db: Database, domainId: string, epoch: number): Promise<Buffer[]> {
  const newest = await newestEpoch(db, domainId);
  const own = newest !== undefined && newest.epoch >= epoch ? [newest.descriptor] : [];
  return [...own, ...(await adoptedDescriptors(db, domainId, epoch))];
}

/**
 * The descriptors through which a key management service may open runs of this epoch of a domain. Those that came with
 * adopted points count only where the domain is not known here: else a password that was forgotten would go on being
 * opened by the wrap in an older point.
 */
export async function kmsDescriptorsOpening(db: Database, domainId: string, epoch: number): Promise<Buffer[]> {
  const newest = await newestEpoch(db, domainId);
  if (newest === undefined) return await adoptedDescriptors(db, domainId, epoch);
  return newest.epoch >= epoch ? [newest.kmsDescriptor ?? newest.descriptor] : [];
}

async function adoptedDescriptors(db: Database, domainId: string, epoch: number): Promise<Buffer[]> {
  const rows = await db.all<{ descriptor: Uint8Array }>(
    `SELECT descriptor FROM descriptors WHERE domain_id = ? AND epoch >= ?
     ORDER BY CASE WHEN epoch = ? THEN 0 ELSE 1 END, epoch DESC LIMIT ?`,
    domainId,
    epoch,
    epoch,
    MOST_LATER,
  );
  return rows.map(({ descriptor }) => Buffer.from(descriptor));
}

/** The descriptor in an adopted point. */
export async function descriptorByHash(db: Database, hash: Buffer): Promise<Buffer | undefined> {
  const row = await db.get<{ descriptor: Uint8Array }>('SELECT descriptor FROM descriptors WHERE hash = ?', hash);
  return row === undefined ? undefined : Buffer.from(row.descriptor);
}
