import type { Failure } from '@sealift/core';
import type { WebSocket } from 'ws';
import { fail } from '../failures.ts';

/** A ping goes out this often, in ms. */
const PING_EVERY = 5_000;
/** A peer that has sent nothing, not even a pong, for this long is taken for dead, in ms. */
const SILENCE = 15_000;

/** Pings the peer and reports when it is silent for too long. Returns what stops it. */
export function startHeartbeat(socket: WebSocket, onSilence: (failure: Failure) => void): () => void {
  let heard = performance.now();
  const hear = () => {
    heard = performance.now();
  };
  for (const sign of ['message', 'ping', 'pong'] as const) socket.on(sign, hear);
  const timer = setInterval(() => {
    if (performance.now() - heard > SILENCE)
      onSilence(fail('disconnected', `Nothing was heard for ${SILENCE / 1000} s.`));
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, PING_EVERY);
  return () => clearInterval(timer);
}
