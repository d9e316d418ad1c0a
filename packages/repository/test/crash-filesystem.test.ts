import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createRepository, filesystemStore } from '@sealift/repository';
import t from 'tap';
import { Ledger, liveADay, lossesAfter } from './fixtures/campaign.ts';
import { FaultyStore } from './fixtures/faulty-store.ts';
import { aSigner } from './fixtures/points.ts';

const signer = await aSigner();

for (const when of ['before', 'after'] as const) {
  t.test(`in real files, killed ${when} any call that changes something, nothing is lost`, async (t) => {
    const root = t.testdir();
    let crashes = 0;
    for (let at = 1; ; at++) {
      const directory = join(root, String(at));
      await createRepository(filesystemStore(directory));
      const store = new FaultyStore(filesystemStore(directory), at, when === 'after');
      const ledger = new Ledger();
      const failure = await liveADay(store, ledger, signer);
      const wrong = await lossesAfter(filesystemStore(directory), ledger);
      if (wrong.length > 0) t.same(wrong, [], `killed ${when} call ${at}`);
      await rm(directory, { recursive: true });
      if (failure === undefined && store.changes < at) break;
      crashes++;
    }
    t.ok(crashes > 60, `${crashes} crashes`);
  });
}
