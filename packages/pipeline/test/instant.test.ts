import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Failure } from '@sealift/core';
import type { ProtectionMode } from '@sealift/repository';
import { NbdClient, nbdUri } from '@sealift/workloads';
import t from 'tap';
import { runServeDisks, serveDisksOfRepository } from '../src/index.ts';
import { type Pair, pair } from './pair.ts';
import { makeSparse, noise } from './sources.ts';

const MIB = 1 << 20;
const ENOUGH = new Error('enough');

/** Every MiB is another, and all of them compress well. */
function stripes(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.alloc(MIB, noise(`stripe ${i}`, 4096))));
}

async function qemu(program: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(program, args)).stdout;
}

interface Served extends AsyncDisposable {
  uri: string;
  path: string;
  disks: { name: string; size: number }[];
  failures: Failure[];
}

/** Serves disks of a point until it is disposed of. */
async function serve(both: Pair, pointId: string, mode: ProtectionMode, disks: string[] = []): Promise<Served> {
  const stop = new AbortController();
  const path = join(both.folder, 'instant.sock');
  const failures: Failure[] = [];
  const serving = Promise.withResolvers<{ disks: Served['disks'] }>();
  const ended = runServeDisks(
    {
      ...both.readOptions(pointId, mode),
      disks: disks.map((disk) => Buffer.from(disk)),
      listen: { path },
      onServing: serving.resolve,
      onFailure: (failure) => failures.push(failure),
    },
    stop.signal,
  );
  ended.catch(serving.reject);
  const { disks: served } = await serving.promise;
  return {
    uri: nbdUri({ path }, served[0]?.name),
    path,
    disks: served,
    failures,
    [Symbol.asyncDispose]: async () => {
      stop.abort(ENOUGH);
      await ended.catch((thrown) => {
        if (thrown !== ENOUGH) throw thrown;
      });
    },
  };
}

for (const mode of ['in-flight', 'source-side'] as const) {
  t.test(`a disk of a recovery point is read over NBD without being restored in ${mode} mode`, async (t) => {
    await using both = await pair();
    const image = join(both.folder, 'vm.raw');
    makeSparse(image, 400 * MIB, [
      [0, 'boot sector'],
      [150 * MIB + 4096, 'in the middle'],
    ]);
    const other = join(both.folder, 'data.img');
    writeFileSync(other, stripes(9));
    const { pointId } = await both.backup([image, other], mode);
    await using served = await serve(both, pointId, mode, ['vm.raw', 'data.img']);
    t.same(served.disks, [
      { name: 'vm.raw', size: 400 * MIB },
      { name: 'data.img', size: 9 * MIB },
    ]);
    t.match(await qemu('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', served.uri, image), /identical/);
    const copy = join(both.folder, 'copy.raw');
    await qemu('nbdcopy', nbdUri({ path: served.path }, 'data.img'), copy);
    t.match(await qemu('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', copy, other), /identical/);
    t.match(JSON.parse(await qemu('nbdinfo', '--map', '--json', served.uri)), [
      { offset: 0, length: MIB, type: 0 },
      { offset: MIB, length: 149 * MIB, type: 3 },
      { offset: 150 * MIB, length: MIB, type: 0 },
      { offset: 151 * MIB, length: 249 * MIB, type: 3 },
    ]);
    // A machine that runs on it writes beside it.
    const overlay = join(both.folder, 'overlay.qcow2');
    await qemu('qemu-img', 'create', '-q', '-f', 'qcow2', '-b', served.uri, '-F', 'raw', overlay);
    await qemu('qemu-io', '-f', 'qcow2', '-c', 'write -P 9 150M 64k', '-c', 'read -P 9 150M 64k', overlay);
    t.match(await qemu('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', served.uri, image), /identical/);
    t.same(served.failures, []);
  });
}

t.test('many clients read the same disk at random, and the socket is gone at the end', async (t) => {
  await using both = await pair();
  const content = stripes(40);
  const image = join(both.folder, 'vm.raw');
  writeFileSync(image, content);
  const { pointId } = await both.backup([image], 'source-side');
  const served = await serve(both, pointId, 'source-side');
  await using stack = new AsyncDisposableStack();
  const clients: NbdClient[] = [];
  for (let i = 0; i < 4; i++) clients.push(stack.use(await NbdClient.connect({ path: served.path })));
  const reads = Array.from({ length: 300 }, async (_, i) => {
    const at = createHash('sha256').update(`${i}`).digest().readUInt32BE(0) % (39 * MIB);
    const bytes = Buffer.alloc(1 + ((i * 7919) % 150_000));
    await (clients[i % 4] as NbdClient).read(at, bytes);
    return bytes.equals(content.subarray(at, at + bytes.length));
  });
  t.ok((await Promise.all(reads)).every((same) => same));
  await served[Symbol.asyncDispose]();
  t.notOk(existsSync(served.path));
  await t.rejects((clients[0] as NbdClient).read(0, Buffer.alloc(10)), { code: 'nbd-closed' });
});

t.test('a lost link to the target is made anew under a client that reads', async (t) => {
  await using both = await pair();
  const content = stripes(20);
  const image = join(both.folder, 'vm.raw');
  writeFileSync(image, content);
  let links: { abort: () => void }[] = [];
  both.disguise = (link) => {
    links.push({ abort: () => void link[Symbol.asyncDispose]() });
    return link;
  };
  const { pointId } = await both.backup([image], 'in-flight');
  links = [];
  await using served = await serve(both, pointId, 'in-flight');
  await using client = await NbdClient.connect({ path: served.path });
  const bytes = Buffer.alloc(10 * MIB);
  await client.read(0, bytes);
  t.ok(bytes.equals(content.subarray(0, 10 * MIB)));
  links[0]?.abort();
  await client.read(10 * MIB, bytes);
  t.ok(bytes.equals(content.subarray(10 * MIB)));
  t.equal(links.length, 2);
});

t.test('what is no disk, or not there, is refused by name', async (t) => {
  await using both = await pair();
  const folder = join(both.folder, 'data');
  mkdirSync(folder);
  writeFileSync(join(folder, 'file'), 'small');
  const { pointId } = await both.backup([folder], 'in-flight');
  await t.rejects(serve(both, pointId, 'in-flight'), { code: 'not-a-disk' });
  await t.rejects(serve(both, pointId, 'in-flight', ['data']), { code: 'not-a-disk' });
  await t.rejects(serve(both, pointId, 'in-flight', ['data/none']), { code: 'not-found' });
});

t.test('a disk is served from a repository alone', async (t) => {
  await using both = await pair();
  const image = join(both.folder, 'vm.raw');
  makeSparse(image, 5 * MIB, [[2 * MIB, 'here']]);
  await both.backup([image], 'in-flight');
  const stop = new AbortController();
  const path = join(both.folder, 'alone.sock');
  const serving = Promise.withResolvers<void>();
  const options = {
    pointId: 'latest',
    disks: [],
    listen: { path },
    unlock: async () => {},
    onServing: () => serving.resolve(),
    onFailure: () => {},
  };
  const ended = serveDisksOfRepository(both.repository, options, stop.signal);
  await serving.promise;
  t.match(await qemu('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', nbdUri({ path }), image), /identical/);
  stop.abort(ENOUGH);
  await t.rejects(ended, ENOUGH);
  t.notOk(existsSync(path));
});
