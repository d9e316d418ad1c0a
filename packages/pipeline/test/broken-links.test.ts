import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { compareTrees } from '@sealift/workloads';
import t from 'tap';
import { type Pair, pair } from './pair.ts';
import { makeTree, noise } from './sources.ts';

const CANARY = 'canary-5e1f-nobody-may-read-this';

/** A relay in front of the target that keeps what passes and can be cut. */
async function tap(both: Pair) {
  const target = both.port;
  const passed: Buffer[] = [];
  const sockets = new Set<Socket>();
  let open = true;
  const server = createServer((near) => {
    if (!open) return near.destroy();
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      from.on('data', (bytes: Buffer) => {
        passed.push(bytes);
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => from.resume());
    }
    return undefined;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  both.port = (server.address() as AddressInfo).port;
  return {
    bytes: () => passed.reduce((sum, { length }) => sum + length, 0),
    saw: (text: string) => Buffer.concat(passed).includes(text),
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
      sockets.clear();
    },
    block: (blocked: boolean) => {
      open = !blocked;
    },
    [Symbol.dispose]: () => server.close(),
  };
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(
    `a ${mode} backup cut off again and again finishes by itself, sending twice at most a window each time`,
    async (t) => {
      await using both = await pair();
      using wire = await tap(both);
      const source = join(both.folder, 'data');
      mkdirSync(source);
      for (let i = 0; i < 6; i++) writeFileSync(join(source, `noise-${i}`), noise(`cut ${i}`, 6_000_000));
      let cuts = 0;
      const cutting = setInterval(() => {
        if (wire.bytes() < (cuts + 1) * 7_000_000 || cuts === 4) return;
        cuts++;
        wire.cut();
      }, 5);
      const { pointId, progress } = await both.backup([source], mode);
      clearInterval(cutting);
      t.ok(cuts >= 3, `${cuts} cuts`);
      t.ok(progress.reconnects >= cuts, `${progress.reconnects} reconnections`);
      t.ok(wire.bytes() < 36_000_000 * 1.05 + cuts * 32 * 1024 * 1024, `${wire.bytes()} bytes passed`);
      const restored = join(both.folder, 'restored');
      await both.restore(pointId, mode, restored);
      t.same([...compareTrees(source, join(restored, 'data'))], []);
    },
  );
}

t.test('a restore cut off in the middle goes on where it was', async (t) => {
  await using both = await pair();
  using wire = await tap(both);
  const source = join(both.folder, 'data');
  mkdirSync(source);
  for (let i = 0; i < 4; i++) writeFileSync(join(source, `noise-${i}`), noise(`restore ${i}`, 6_000_000));
  const { pointId } = await both.backup([source], 'in-flight');
  const before = wire.bytes();
  let cut = false;
  const cutting = setInterval(() => {
    if (cut || wire.bytes() < before + 8_000_000) return;
    cut = true;
    wire.cut();
  }, 5);
  const restored = join(both.folder, 'restored');
  const { progress } = await both.restore(pointId, 'in-flight', restored);
  clearInterval(cutting);
  t.ok(cut);
  t.ok(progress.reconnects >= 1);
  t.same([...compareTrees(source, join(restored, 'data'))], []);
});

t.test('a backup that is cancelled ends at once, shows no point, and leaves no spill file', async (t) => {
  await using both = await pair();
  const source = join(both.folder, 'data');
  makeTree(source);
  const stop = new AbortController();
  // In the middle of it: as soon as the source begins to be served.
  both.disguise = (link) => {
    setImmediate(() => stop.abort(new Error('cancelled by the test')));
    return link;
  };
  const running = both.backup([source], 'source-side', { signal: stop.signal });
  await t.rejects(running, /cancelled by the test/);
  t.same(await both.repository.points(), []);
  t.same(
    readdirSync(both.folder).filter((name) => name.endsWith('.references')),
    [],
  );
});

t.test(
  'a canary in contents and names crosses the wire in neither mode, and is in no file of a source-side target',
  async (t) => {
    await using both = await pair();
    using wire = await tap(both);
    const source = join(both.folder, `folder-${CANARY}`);
    mkdirSync(source);
    writeFileSync(join(source, `small-${CANARY}`), CANARY.repeat(10));
    writeFileSync(
      join(source, `large-${CANARY}`),
      Buffer.concat([noise('around', 700_000), Buffer.from(CANARY.repeat(1000))]),
    );
    await both.backup([source], 'source-side', { compression: 'none' });
    t.notOk(wire.saw(CANARY), 'source-side, on the wire');
    const files = readdirSync(both.repositoryPath, { recursive: true, encoding: 'utf8' });
    t.ok(files.length > 5);
    for (const name of files) {
      const path = join(both.repositoryPath, name);
      t.notOk(name.includes(CANARY));
      if (statSync(path).isFile()) t.notOk(readFileSync(path).includes(CANARY), name);
    }
    await both.backup([source], 'in-flight', { compression: 'none' });
    t.notOk(wire.saw(CANARY), 'in-flight, on the wire');
  },
);
