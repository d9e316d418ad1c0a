import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { createTicketKey } from '@sealift/crypto';
import { readIfThere, writeDurably } from './private-file.ts';

export interface TicketKey {
  privateKey: KeyObject;
  /** SPKI DER, as Transporters get it. */
  publicDer: Buffer;
}

/** The key that signs tickets, made at the first start. */
export async function openTicketKey(data: string): Promise<TicketKey> {
  const file = join(data, 'ticket.key');
  const stored = await readIfThere(file, 'private');
  const privateKey = stored === undefined ? createTicketKey().privateKey : createPrivateKey(stored);
  if (stored === undefined) {
    await writeDurably(file, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 'private');
  }
  return { privateKey, publicDer: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }) };
}
