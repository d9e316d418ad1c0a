import { createRepository, openRepository } from '@sealift/repository';
import t from 'tap';
import { HOLDER, Ledger, liveADay, losses, lossesAfter } from './fixtures/campaign.ts';
import { aSigner } from './fixtures/points.ts';
import { SimulatedDisk } from './fixtures/simulated-disk.ts';

const NOW = { grace: 0 };
const never = new AbortController().signal;
const signer = await aSigner();

/** An empty repository that others can begin with. */
async function emptyRepository(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk();
  await createRepository(disk);
  return disk;
}

/** How many steps a whole day takes; groups of chunks may fall a little differently each time. */
async function stepsOfADay(): Promise<number> {
  const disk = (await emptyRepository()).afterCrash();
  const failure = await liveADay(disk, new Ledger(), signer);
  if (failure !== undefined) throw failure;
  return disk.steps;
}

async function reopen(disk: SimulatedDisk, collects: boolean): Promise<void> {
  await using repository = await openRepository(disk, { holder: HOLDER });
  if (collects) await repository.collect(NOW, never);
}

const steps = await stepsOfADay();

t.test('killed at any step of backups, commits, removals and collections, nothing is lost', async (t) => {
  let stopped = 0;
  for (let at = 1; at <= steps; at++) {
    const disk = (await emptyRepository()).afterCrash({ at, kind: 'crash' });
    const ledger = new Ledger();
    if ((await liveADay(disk, ledger, signer)) !== undefined) stopped++;
    const wrong = await lossesAfter(disk.afterCrash(), ledger);
    if (wrong.length > 0) t.same(wrong, [], `killed at step ${at}`);
  }
  t.ok(steps > 150 && stopped > steps * 0.9, `${stopped} crashes at ${steps} steps`);
});

t.test('the same when the power fails, and what was not synced is lost in part', async (t) => {
  let stopped = 0;
  for (let at = 1; at <= steps * 3; at++) {
    const disk = (await emptyRepository()).afterCrash({ at: Math.ceil(at / 3), kind: 'crash' });
    const ledger = new Ledger();
    if ((await liveADay(disk, ledger, signer)) !== undefined) stopped++;
    // The mark of a session need not survive; then its chunks are only as safe as a day makes them.
    const wrong = await lossesAfter(disk.afterPowerLoss(), ledger);
    if (wrong.length > 0) t.same(wrong, [], `power failed at step ${at / 3}`);
  }
  t.ok(stopped > 500, `${stopped} power failures`);
});

t.test('killed again while the traces of a crash are being cleared away, nothing is lost', async (t) => {
  let stopped = 0;
  for (let at = 1; at <= steps; at += 3) {
    const disk = (await emptyRepository()).afterCrash({ at, kind: 'crash' });
    const ledger = new Ledger();
    await liveADay(disk, ledger, signer);
    for (let second = 1; second < 36; second += 5) {
      const recovering = disk.afterCrash({ at: second, kind: 'crash' });
      const collects = second % 2 === 0;
      await reopen(recovering, collects).catch(() => {});
      if (recovering.faulted) stopped++;
      // A collection that gives interrupted backups no time takes what they stored.
      if (collects) ledger.acknowledged = [];
      const wrong = await lossesAfter(recovering.afterCrash(), ledger);
      if (wrong.length > 0) t.same(wrong, [], `killed at step ${at}, then at step ${second}`);
    }
  }
  t.ok(stopped > 200, `${stopped} crashes while recovering`);
});

t.test(
  'a disk that is full from any step on fails clearly, stays readable, and goes on when there is space',
  async (t) => {
    let refused = 0;
    for (let at = 1; at <= steps; at++) {
      const disk = (await emptyRepository()).afterCrash({ at, kind: 'full' });
      const ledger = new Ledger();
      const failure = await liveADay(disk, ledger, signer);
      if (failure !== undefined) refused++;
      if (failure !== undefined && failure.code !== 'disk-full')
        t.equal(failure.code, 'disk-full', `full at step ${at}`);
      {
        await using reader = await openRepository(disk, { holder: HOLDER, readOnly: true });
        const wrong = await losses(reader, ledger);
        if (wrong.length > 0) t.same(wrong, [], `read while full from step ${at}`);
      }
      disk.makeSpace();
      const wrong = await lossesAfter(disk, ledger);
      if (wrong.length > 0) t.same(wrong, [], `full from step ${at}`);
      const next = new Ledger();
      if (at % 10 === 0) t.equal(await liveADay(disk, next, signer), undefined, 'the next day is a good one');
    }
    t.ok(refused > steps * 0.5, `${refused} times refused`);
  },
);
