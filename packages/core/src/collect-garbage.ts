import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: ((options: { type: 'minor' }) => void) | undefined;

/**
 * Collects young garbage now. V8 starts a collection by what is allocated in its heap, or when the buffers outside it
 * exceed 64 MiB; a thread that passes network buffers through allocates next to nothing in its heap, and would keep
 * those 64 MiB for good.
 */
export function collectYoungGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect({ type: 'minor' });
}
