import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** Looks for a sign of life this many times within the patience. */
const LOOKS = 3;

/**
 * Pings the peer and calls `onSilence` when nothing at all has come from it for `patience` ms. Pings are sent on each
 * side's own clock, whatever the peer does, because a peer that has paused reading answers none but still sends its
 * own. While this side has paused reading it cannot tell, so it does not judge. Silence is counted in looks and not by
 * the clock, so that a stall of this process is not held against the peer.
 */
export function startHeartbeat(socket: WebSocket, stream: Socket, patience: number, onSilence: () => void): Disposable {
  let seen = stream.bytesRead;
  let silent = 0;
  const timer = setInterval(() => {
    silent = socket.isPaused || stream.bytesRead !== seen ? 0 : silent + 1;
    seen = stream.bytesRead;
    if (silent >= LOOKS) onSilence();
    else socket.ping();
  }, patience / LOOKS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
