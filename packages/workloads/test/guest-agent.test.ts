import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { openMachine } from '../src/index.ts';
import { type FreezePatience, GuestFreeze } from '../src/qemu/guest-freeze.ts';
import { Machine } from './fixtures/machine.ts';
import { temporaryFolder } from './fixtures/trees.ts';

const PATIENCE: FreezePatience = { answer: 300, frozen: 60_000, thaw: 1_000 };

/** Stands for the agent in a guest. What it is asked is written down; `answers` may say something else, or nothing. */
class StubAgent {
  readonly path: string;
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #told = new Map<string, PromiseWithResolvers<void>>();

  constructor(t: Test, folder: string, answers: Record<string, (client: Socket) => unknown> = {}) {
    this.path = join(folder, 'web.qga');
    this.#server = createServer((client) => {
      this.#clients.add(client);
      client.on('error', () => {});
      const lines = createInterface({ input: client.setEncoding('latin1') });
      lines.on('line', (line) => void this.#answer(client, line.replaceAll('\xff', ''), answers));
    });
    this.#server.listen(this.path);
    t.teardown(() => {
      for (const client of this.#clients) client.destroy();
      this.#server.close();
    });
  }

  /** Resolves when it was asked for this. */
  hears(command: string): Promise<void> {
    if (this.asked.includes(command)) return Promise.resolve();
    const told = this.#told.get(command) ?? Promise.withResolvers<void>();
    this.#told.set(command, told);
    return told.promise;
  }

  async #answer(client: Socket, line: string, answers: Record<string, (client: Socket) => unknown>): Promise<void> {
    const { execute, arguments: args } = JSON.parse(line) as { execute: string; arguments: { id?: number } };
    this.asked.push(execute);
    this.#told.get(execute)?.resolve();
    const answer = answers[execute];
    const value = answer === undefined ? (args.id ?? 2) : await answer(client);
    if (value === undefined) return;
    client.write(
      Buffer.concat([
        ...(args.id === undefined ? [] : [Buffer.of(0xff)]),
        Buffer.from(`${JSON.stringify({ return: value })}\n`),
      ]),
    );
  }
}

const FREEZE = 'guest-fsfreeze-freeze';
const THAW = 'guest-fsfreeze-thaw';

t.test('a machine beside a stub of a guest agent is frozen before its instant and thawed after it', async (t) => {
  const folder = temporaryFolder(t);
  await using machine = await Machine.start(folder);
  const jobs = async () => {
    const all = await machine.qmp.execute<unknown[]>('query-jobs');
    return all.length;
  };
  const seen: number[] = [];
  const look = async () => seen.push(await jobs());
  const agent = new StubAgent(t, folder, { [FREEZE]: look, [THAW]: look });
  await using open = await openMachine(Buffer.from(machine.socket), Buffer.from('web'), {
    scratch: folder,
    onLost: t.fail,
  });
  t.same(open.notices, []);
  t.same(
    agent.asked.filter((command) => command !== 'guest-sync-delimited'),
    [FREEZE, THAW],
  );
  t.same(seen, [0, 2]);
});

t.test('a stub of an agent that hangs, lies or refuses costs a bounded time, is told, and is thawed', async (t) => {
  const cases: [name: string, trouble: RegExp, Record<string, (client: Socket) => unknown>][] = [
    ['silent', /does not answer guest-sync-delimited/, { 'guest-sync-delimited': () => undefined }],
    ['hanging', /does not answer guest-fsfreeze-freeze/, { [FREEZE]: () => undefined }],
    ['lying', /does not say what it has frozen/, { [FREEZE]: () => 'much' }],
    ['endless', /an answer without end/, { [FREEZE]: (client) => void client.write(Buffer.alloc(100_000, 32)) }],
    ['garbled', /no answer/, { [FREEZE]: (client) => void client.write('what?\n') }],
    ['closing', /closed its connection/, { [FREEZE]: (client) => void client.destroy() }],
    ['not thawing', /may still be frozen/, { [THAW]: () => undefined }],
  ];
  await Promise.all(
    cases.map(async ([name, trouble, answers]) => {
      const agent = new StubAgent(t, temporaryFolder(t), answers);
      const freeze = await GuestFreeze.begin(agent.path, PATIENCE);
      t.match(await freeze.thaw(), { trouble }, name);
      if (name !== 'silent') t.ok(agent.asked.includes(THAW), name);
    }),
  );
});

t.test(
  'a guest of a stub agent is thawed when the time is over, and by whoever is left of two processes',
  async (t) => {
    const late = new StubAgent(t, temporaryFolder(t));
    const slow = await GuestFreeze.begin(late.path, { ...PATIENCE, frozen: 50 });
    await late.hears(THAW);
    t.match(await slow.thaw(), { filesystems: 2, trouble: /took too long/ });

    const orphaned = new StubAgent(t, temporaryFolder(t));
    const module = JSON.stringify(new URL('../src/qemu/guest-freeze.ts', import.meta.url).href);
    const code = `const { GuestFreeze } = await import(${module});
    await GuestFreeze.begin(${JSON.stringify(orphaned.path)}, ${JSON.stringify(PATIENCE)});
    process.kill(process.pid, 'SIGKILL');`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: 'inherit' });
    await once(child, 'exit');
    await orphaned.hears(THAW);
    t.ok(orphaned.asked.includes(FREEZE));
  },
);

t.test('a run that ends while a stub agent has frozen its guest thaws it', async (t) => {
  const folder = temporaryFolder(t);
  await using machine = await Machine.start(folder);
  const stop = new AbortController();
  const agent = new StubAgent(t, folder, {
    [FREEZE]: () => {
      stop.abort(new Error('enough'));
      return 2;
    },
  });
  const options = { scratch: folder, onLost: t.fail };
  await t.rejects(openMachine(Buffer.from(machine.socket), Buffer.from('web'), options, stop.signal), /enough/);
  t.ok(agent.asked.includes(THAW));
  t.same(await machine.leftBehind(), []);
});
