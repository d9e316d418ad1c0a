import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateDer, createAuthority, parseAuthority } from '@sealift/crypto';
import { createRepository, filesystemStore, openRepository } from '@sealift/repository';
import t from 'tap';

const holder = randomUUID();
const [first, second] = await Promise.all([createAuthority(), createAuthority()]);

t.test(
  'each authority under which a repository is served is kept once, and one that is damaged is left out',
  async (t) => {
    const folder = t.testdir();
    await createRepository(filesystemStore(folder));
    for (const { certificate } of [first, second, first]) {
      await using served = await openRepository(filesystemStore(folder), { holder, authority: certificate });
      t.same(served.problems, []);
    }
    const [one, other] = [first, second].map(({ certificate }) => certificateDer(certificate)) as [Buffer, Buffer];
    await using reading = await openRepository(filesystemStore(folder), { holder, readOnly: true });
    const found = await reading.authorities();
    t.same(found.map(String).sort(), [one, other].map(String).sort());
    const name = parseAuthority(second.certificate).fingerprint.toString('hex');
    t.same(readdirSync(join(folder, 'authorities')).length, 2);
    writeFileSync(join(folder, 'authorities', name), one);
    t.same(await reading.authorities(), [one]);
    writeFileSync(join(folder, 'authorities', name), 'no certificate');
    t.same(await reading.authorities(), [one]);
  },
);
