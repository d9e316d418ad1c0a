import { createRepository, openRepository, type Store } from '@sealift/repository';
import t from 'tap';
import { HOLDER } from './fixtures/campaign.ts';
import { type Kept, keep, unreadable, whole } from './fixtures/flips.ts';
import { aSigner } from './fixtures/points.ts';
import { SimulatedDisk } from './fixtures/simulated-disk.ts';

const signer = await aSigner();

/** Changes one byte of a file. */
async function damage(store: Store, name: string, at: (bytes: Buffer) => number): Promise<void> {
  const bytes = Buffer.from(await whole(store, name));
  const offset = at(bytes);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 4, offset);
  await store.remove(name);
  await store.publish(name, bytes);
}

/** A repository in which a verification has found a lost chunk, a damaged footer and a damaged reference list. */
async function damagedRepository(): Promise<{ disk: SimulatedDisk; kept: Kept[]; lost: string }> {
  const disk = new SimulatedDisk();
  await createRepository(disk);
  const kept: Kept[] = [];
  {
    await using repository = await openRepository(disk, { holder: HOLDER });
    for (let i = 0; i < 3; i++) kept.push(await keep(repository, signer));
  }
  const [first, second, third] = kept as [Kept, Kept, Kept];
  const chunk = first.ids[2] as Buffer;
  for (const name of await disk.list('packs')) {
    const bytes = await whole(disk, name);
    if (bytes.includes(chunk)) await damage(disk, name, (pack) => pack.indexOf(chunk) + 200);
    if (bytes.includes(second.ids[0] as Buffer)) await damage(disk, name, (pack) => pack.length - 60);
  }
  await damage(disk, `references/${third.record.id}`, () => 60);
  await using repository = await openRepository(disk, { holder: HOLDER });
  await repository.verify({});
  return { disk, kept, lost: chunk.toString('hex') };
}

async function repaired(disk: SimulatedDisk): Promise<void> {
  await using repository = await openRepository(disk, { holder: HOLDER });
  await repository.repair({});
}

const { disk: original, kept, lost } = await damagedRepository();

async function stepsOfARepair(): Promise<number> {
  const disk = original.afterCrash();
  await repaired(disk);
  return disk.steps;
}

/** What is worse than before, now and after the repair was run to its end. */
async function worse(disk: SimulatedDisk): Promise<string[]> {
  await using repository = await openRepository(disk, { holder: HOLDER });
  const wrong = (await unreadable(repository, kept)).filter((id) => id !== lost).map((id) => `chunk ${id}`);
  const points = new Set((await repository.points()).map(({ id }) => id));
  wrong.push(...kept.filter(({ record }) => !points.has(record.id)).map(({ record }) => `point ${record.id}`));
  await repository.repair({});
  const { flaws, missingChunks } = await repository.verify({});
  if (flaws > 0 || missingChunks !== 1) wrong.push(`then ${flaws} flaws, ${missingChunks} missing`);
  const now = await unreadable(repository, kept);
  if (now.length !== 1 || now[0] !== lost) wrong.push(`then lost ${now}`);
  return wrong;
}

const steps = await stepsOfARepair();

for (const kind of ['crash', 'power failure', 'full disk'] as const) {
  t.test(`a ${kind} at any step of a repair makes nothing worse, and the repair goes on`, async (t) => {
    const fault = kind === 'full disk' ? 'full' : 'crash';
    let faulted = 0;
    for (let at = 1; at <= steps; at++) {
      const disk = original.afterCrash({ at, kind: fault });
      await repaired(disk).catch(() => {});
      if (disk.faulted) faulted++;
      disk.makeSpace();
      const next = kind === 'full disk' ? disk : kind === 'power failure' ? disk.afterPowerLoss() : disk.afterCrash();
      const wrong = await worse(next);
      if (wrong.length > 0) t.same(wrong, [], `at step ${at} of ${steps}`);
    }
    t.ok(faulted > 25 && faulted > steps * 0.9, `${faulted} faults at ${steps} steps`);
  });
}
