import { realpathSync, statSync } from 'node:fs';
import type { OpenRoot } from '../entry.ts';
import { excludeRules } from '../exclude.ts';
import { walk } from '../source/walk.ts';
import { imageFormat } from './image-format.ts';
import { ImageLengths } from './image-lengths.ts';
import { ImageServer } from './image-server.ts';

/** Whether a source is a file in one of the formats that cannot be read as they are. */
export function isDiskImage(path: Buffer): boolean {
  if (imageFormat(path) === undefined) return false;
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Serves a disk image, until it is disposed of.
 * @param name of the entry in the tree
 * @throws Failure `image-tool-missing`, `image-unreadable`, `unreadable`
 */
export async function openImage(path: Buffer, name: Buffer, signal?: AbortSignal): Promise<OpenRoot> {
  const format = imageFormat(path);
  const real = realpathSync.native(path, { encoding: 'buffer' });
  const [item] = walk(real, { name, exclude: excludeRules([]) });
  if (format === undefined || item === undefined || !('entry' in item)) {
    throw new Error('only what is a disk image is opened as one');
  }
  const lengths = new ImageLengths([real.toString()]);
  const server = await ImageServer.start(real, format, signal);
  const { entry } = item;
  return {
    entries: [{ ...entry, size: server.size, disk: true, source: { ...entry.source, nbd: server.place } }],
    check: () => lengths.check(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
