import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type Failure, toFailure } from '@sealift/core';
import { download as downloadFromPoint } from '@sealift/pipeline';
import { type DownloadPart, downloadContext, openRelay, type Params, writeDownload } from '@sealift/wire';
import { fail } from '../failures.ts';
import type { TaskContext } from './context.ts';
import { lookAt, placeOf } from './looks.ts';

/** Downloads of one Transporter at once. */
const MOST_DOWNLOADS = 4;

/** Sends files and archives of recovery points over relays, sealed to the key of whoever asked. */
export class Downloads {
  readonly #context: TaskContext;
  #running = 0;

  constructor(context: TaskContext) {
    this.#context = context;
  }

  /** Ends when everything is sent, or when nobody takes it any more. */
  async send(params: Params<'point.download'>, signal: AbortSignal): Promise<void> {
    if (this.#running >= MOST_DOWNLOADS) {
      throw fail('too-many-tasks', `${MOST_DOWNLOADS} downloads are running here already`);
    }
    this.#running += 1;
    try {
      await this.#send(params, signal);
    } finally {
      this.#running -= 1;
    }
  }

  async #send(params: Params<'point.download'>, signal: AbortSignal): Promise<void> {
    const { taskId, pointId, format, publicKey } = params;
    const place = placeOf(params);
    const gone = new AbortController();
    const either = AbortSignal.any([signal, gone.signal]);
    const to = { publicKey, context: downloadContext({ pointId, ...place, format }) };
    await downloadFromPoint({ ...lookAt(params, this.#context, either), ...place, format }, either, async (parts) => {
      const relay = await openRelay({ ...this.#context.director(), taskId }, either);
      // What breaks it closes it, too.
      relay.on('error', () => {});
      const onClose = () => gone.abort(fail('cancelled', 'Nobody takes the download any more'));
      relay.once('close', onClose);
      await sendOver(relay, parts, to, () => relay.off('close', onClose));
    });
  }
}

/** @throws Failure what ended it, after the reader was told under seal */
async function sendOver(
  relay: Duplex,
  parts: AsyncIterable<DownloadPart>,
  to: { publicKey: Buffer; context: Buffer },
  onSent: () => void,
): Promise<void> {
  let failure: Failure | undefined;
  // Nothing is said on the way back, but that it was closed is noticed by reading alone.
  relay.resume();
  try {
    for await (const bytes of writeDownload(parts, to, (thrown) => {
      failure = thrown;
    })) {
      if (!relay.write(bytes)) await drained(relay);
    }
    // Whoever closes it from here on has everything.
    onSent();
    relay.end();
    await finished(relay, { readable: false });
  } catch (thrown) {
    throw failure ?? toFailure(thrown);
  } finally {
    relay.destroy();
  }
  if (failure !== undefined) throw failure;
}

async function drained(relay: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onClose = () => reject(fail('cancelled', 'Nobody takes the download any more'));
  relay.once('drain', resolve).once('close', onClose);
  if (relay.destroyed) onClose();
  await promise.finally(() => relay.off('drain', resolve).off('close', onClose));
}
