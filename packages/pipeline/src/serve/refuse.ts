import type { Failure } from '@sealift/core';
import { encodeRefused, type Link, MESSAGE } from '@sealift/wire';

/** How long a peer may take to read why it is refused, ms. */
const PATIENCE_MS = 5_000;

/** Tells the peer why, leaves it a moment to read that, and drops the link. */
export async function refuse(link: Link, failure: Failure): Promise<void> {
  const timer = setTimeout(() => link.abort(failure), PATIENCE_MS);
  try {
    await link.send(MESSAGE.refused, encodeRefused(failure.toJSON()));
    await link.end();
  } catch {
    // The peer is gone; there is nobody to tell.
  } finally {
    clearTimeout(timer);
    link.abort(failure);
  }
}
