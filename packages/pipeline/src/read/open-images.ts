import { isDiskImage, type OpenImage, openImage } from '@sealift/workloads';
import type { NamedRoot } from '../tree/root-names.ts';
import type { FoundEntry } from './walk-messages.ts';

/** Disk images that are served while they are read, by the root that they are. */
export class OpenImages implements AsyncDisposable {
  readonly #images = new Map<NamedRoot, OpenImage>();
  readonly #resources = new AsyncDisposableStack();

  async open(root: NamedRoot, signal: AbortSignal): Promise<void> {
    this.#images.set(root, this.#resources.use(await openImage(root.path, root.name, signal)));
  }

  entryOf(root: NamedRoot): FoundEntry | undefined {
    return this.#images.get(root)?.entry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Serves those roots that are disk images of a format that cannot be read as it is. */
export async function openImages(roots: NamedRoot[], signal: AbortSignal): Promise<OpenImages> {
  const images = new OpenImages();
  try {
    for (const root of roots) if (isDiskImage(root.path)) await images.open(root, signal);
    return images;
  } catch (thrown) {
    await images[Symbol.asyncDispose]();
    throw thrown;
  }
}
