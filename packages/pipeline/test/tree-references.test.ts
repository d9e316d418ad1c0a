import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { referencesInTree } from '../src/index.ts';
import { pair } from './pair.ts';
import { noise } from './sources.ts';

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;

for (const slotKey of [undefined, randomBytes(32)]) {
  const kind = slotKey === undefined ? 'plain repository' : 'repository encrypted at rest';
  t.test(
    `in a ${kind} a lost reference list is made anew from the tree, and a collection keeps just that`,
    async (t) => {
      await using both = await pair(slotKey === undefined ? {} : { slotKey });
      const { repository } = both;
      const tree = join(both.folder, 'tree');
      mkdirSync(tree);
      writeFileSync(join(tree, 'film'), noise('film', 9 * MIB));
      for (let i = 0; i < 400; i++) writeFileSync(join(tree, `note-${i}`), noise(`note-${i}`, 1_500));
      const kept = await both.backup([tree], 'in-flight');
      const named = new Set<string>();
      const readTree = (pointId: string) => referencesInTree(repository, pointId, NEVER);
      for await (const id of readTree(kept.pointId)) named.add(id.toString('hex'));
      const list = join(both.repositoryPath, 'references', kept.pointId);
      const stored = readFileSync(list);
      const original = new Set<string>();
      for (let at = 40; at < stored.length - 132; at += 32) original.add(stored.toString('hex', at, at + 32));
      t.same([...named].sort(), [...original].sort(), 'the tree names what the source did');

      writeFileSync(join(tree, 'clip'), noise('clip', 5 * MIB));
      const gone = await both.backup([tree], 'in-flight');
      rmSync(list);
      t.match(await repository.repair({ readTree }), { filesMended: 1, filesLeft: 0 });
      await repository.removePoint(gone.pointId, { reason: 'test' });
      const { bytesFreed, chunksMissing } = await repository.collect({ grace: 0 }, NEVER);
      t.ok(bytesFreed > 4 * MIB && chunksMissing === 0, `${bytesFreed} bytes were freed`);
      t.match(await repository.verify({}), { flaws: 0, missingChunks: 0 });
      const to = join(both.folder, 'restored');
      t.same((await both.restore(kept.pointId, 'in-flight', to)).warned, []);
      t.ok(readFileSync(join(to, 'tree', 'film')).equals(noise('film', 9 * MIB)));
    },
  );
}
