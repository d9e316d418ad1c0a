import { CHUNK_TYPE, chunkKeysFromSecret } from '@sealift/crypto';
import { openManifest, type Repository, type Segment, type TreeEntry } from '@sealift/repository';
import { chunkOpener } from '../decrypt/chunk-opener.ts';
import type { PointSource } from '../transfer/point-source.ts';
import { decodePointBody } from './point-body.ts';
import { TreeReader } from './tree-reader.ts';

/**
 * Ids of all chunks that an in-flight point of a repository within reach uses: its body, the pages of its tree, and what its
 * files consist of; repeats are possible. @throws Failure of kind corrupt if a page cannot be read
 */
export async function* referencesInTree(
  repository: Repository,
  pointId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const { manifest: file } = await repository.readPoint(pointId);
  const { body, zone } = openManifest(file).manifest;
  const chunkSecret = repository.zones.of(zone);
  const fetched: Buffer[] = [];
  const source: PointSource = {
    chunkSecret,
    readPoint: async () => file,
    fetch: (id) => {
      fetched.push(id);
      return repository.readChunk(zone, id, signal);
    },
  };
  const open = chunkOpener({ idKey: chunkKeysFromSecret(chunkSecret).idKey });
  const { tree: top } = decodePointBody(open(await source.fetch(body), CHUNK_TYPE.manifest, body));
  const tree = new TreeReader(source, open, top, (failure) => {
    throw failure;
  });
  for await (const entry of tree.entries()) {
    yield* contentsOf(tree, entry);
    yield* fetched.splice(0);
  }
  yield* fetched;
}

async function* contentsOf(tree: TreeReader, entry: TreeEntry): AsyncGenerator<Buffer, void, undefined> {
  for await (const segment of segmentsOf(tree, entry)) {
    if (segment.kind === 'chunk') yield segment.id;
    else if (segment.kind === 'member') yield segment.bundle;
  }
}

async function* segmentsOf(tree: TreeReader, { content }: TreeEntry): AsyncGenerator<Segment, void, undefined> {
  if (content === undefined) return;
  if ('inline' in content) yield* content.inline;
  else yield* tree.segments(content.pages);
}
