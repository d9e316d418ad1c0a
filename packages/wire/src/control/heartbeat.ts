import type { Failure } from '@sealift/core';
import type { WebSocket } from 'ws';
import { fail } from '../failures.ts';

/** A peer that has sent nothing, not even a pong, for this long is taken for dead, ms. */
const DEFAULT_PATIENCE = 15_000;
/** Looks for a sign of life this many times within the patience, and pings each time. */
const LOOKS = 3;

/**
 * Pings the peer and reports when it is silent for too long. Silence is counted in looks and not by the clock, so that
 * a stall of this process is not held against the peer. Returns what stops it.
 */
export function startHeartbeat(
  socket: WebSocket,
  onSilence: (failure: Failure) => void,
  patience: number = DEFAULT_PATIENCE,
): () => void {
  let silent = 0;
  const hear = () => {
    silent = 0;
  };
  for (const sign of ['message', 'ping', 'pong'] as const) socket.on(sign, hear);
  const timer = setInterval(() => {
    silent += 1;
    if (silent > LOOKS) onSilence(fail('disconnected', `Nothing was heard for ${patience / 1000} s.`));
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, patience / LOOKS);
  return () => clearInterval(timer);
}
