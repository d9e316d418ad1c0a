import t from 'tap';
import { holds, settledPair } from './settled-pair.ts';

t.test('what a collection has removed meanwhile is read and sent again', async (t) => {
  const { both, source, cache } = await settledPair();
  await using _ = both;
  const first = await both.backup([source], 'source-side', { cache });
  await both.repository.removePoint(first.pointId, { reason: 'test' });
  const { bytesFreed } = await both.repository.collect({ grace: 0, threshold: 1 }, new AbortController().signal);
  t.ok(bytesFreed > 0);
  const second = await both.backup([source], 'source-side', { cache });
  t.same(second.warned, []);
  t.equal(second.progress.bytesStored > first.progress.bytesStored / 2, true);
  await holds(t, both, second, 'source-side', source);
});

t.test('a target that lacks some of what is known gets that again, and no more', async (t) => {
  const { both, source, cache } = await settledPair();
  await using _ = both;
  const first = await both.backup([source], 'in-flight', { cache });
  const { repository } = both;
  // A stub of a repository that has lost the chunks of the largest file.
  const gone = new Set<string>();
  both.served = new Proxy(repository, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target);
      if (name !== 'lookup') return typeof value === 'function' ? value.bind(target) : value;
      return (zone: Buffer, id: Buffer) => {
        const found = target.lookup(zone, id);
        const key = id.toString('hex');
        if (gone.size === 0 && found.state === 'chunk') gone.add(key);
        return gone.has(key) ? { state: 'missing' } : found;
      };
    },
  });
  const second = await both.backup([source], 'in-flight', { cache });
  t.equal(gone.size, 1);
  t.ok(second.progress.bytesRead > 0 && second.progress.bytesRead < first.progress.bytesRead);
  both.served = repository;
  await holds(t, both, second, 'in-flight', source);
});
