import { type Failure, failureFromRecord, retrying, type StageClock, toFailure } from '@sealift/core';
import { decodeOpened, decodeRefused, encodeOpen, type Link, MESSAGE, type Open, type Opened } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { Wake } from './wake.ts';

export interface Outgoing {
  kind: number;
  parts: Buffer[];
}

/** What is said over a link, independent of how often the link has to be made anew. */
export interface Traffic {
  /** Woken whenever `next` may have something again. */
  readonly work: Wake;
  /** True once nothing more is to be said or heard. */
  readonly finished: boolean;
  /** A new link is up: everything without an answer is to be said again. */
  restart(opened: Opened): void;
  /** The next message, if there is one now. */
  next(): Promise<Outgoing | undefined>;
  receive(kind: number, payload: Buffer): void;
}

export interface LinkOptions {
  /** Dials with a fresh ticket. */
  connect: (signal: AbortSignal) => Promise<Link>;
  open: Open;
  /** Told when the link was lost and is being made anew. */
  onLost: (failure: Failure) => void;
  /** Told how many bytes of records were handed to the socket since the last call. */
  onSent: (bytes: number) => void;
  /** Told how long messages kept this thread busy. */
  clock?: StageClock;
}

/** How long a run waits for its link to come back. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Keeps `traffic` flowing until it is finished, over as many links as that takes: when one is cut off, the next is
 * dialled, and what was not answered is said again. Ends with the first failure that time does not heal.
 */
export async function holdLink(traffic: Traffic, options: LinkOptions, signal: AbortSignal): Promise<void> {
  const policy = { firstDelay: 200, longestDelay: 5_000, patience: PATIENCE_MS, onRetry: options.onLost };
  while (!traffic.finished) {
    await retrying(() => useOneLink(traffic, options, signal), policy, signal);
  }
}

async function useOneLink(traffic: Traffic, options: LinkOptions, signal: AbortSignal): Promise<void> {
  if (traffic.finished) return;
  await using link = await options.connect(signal);
  const stop = new AbortController();
  const onAbort = () => link.abort(toFailure(signal.reason));
  signal.addEventListener('abort', onAbort, { once: true });
  let pumping: Promise<void> | undefined;
  try {
    await link.send(MESSAGE.open, encodeOpen(options.open));
    for await (const { kind, payload } of link.messages()) {
      if (kind === MESSAGE.refused) throw failureFromRecord(decodeRefused(payload));
      if (pumping !== undefined) traffic.receive(kind, payload);
      else pumping = startPump(traffic, link, kind, payload, options, stop.signal);
    }
    if (!traffic.finished) throw fail('protocol-violation', 'The target ended the session before it was finished.');
  } catch (thrown) {
    signal.throwIfAborted();
    link.abort(toFailure(thrown));
    // Everything was said and heard: how the link ends does not matter any more.
    if (traffic.finished) return;
    throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    traffic.work.wake();
    // Its own failure, if any, has aborted the link and so ended the loop above.
    await pumping?.catch(() => {});
  }
}

function startPump(
  traffic: Traffic,
  link: Link,
  kind: number,
  payload: Buffer,
  options: LinkOptions,
  stop: AbortSignal,
): Promise<void> {
  if (kind !== MESSAGE.opened) throw fail('protocol-violation', 'The target did not answer OPEN with OPENED.');
  traffic.restart(decodeOpened(payload));
  const pumping = pump(traffic, link, options, stop);
  pumping.catch((thrown) => link.abort(toFailure(thrown)));
  return pumping;
}

async function pump(traffic: Traffic, link: Link, options: LinkOptions, stop: AbortSignal): Promise<void> {
  const { clock } = options;
  let [reported, sending, receiving] = [0, 0, 0];
  while (!stop.aborted && !traffic.finished) {
    const message = await traffic.next();
    if (message === undefined) await traffic.work.sleep();
    else await link.send(message.kind, message.parts);
    options.onSent(link.bytesSent - reported);
    reported = link.bytesSent;
    clock?.add('send', link.busy.sending - sending);
    clock?.add('receive', link.busy.receiving - receiving);
    ({ sending, receiving } = link.busy);
  }
  // The target ends its direction in turn, when it is done with what it has received.
  if (traffic.finished) await link.end();
}
