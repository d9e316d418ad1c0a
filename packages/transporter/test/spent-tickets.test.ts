import { randomUUID } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { SpentTickets } from '../src/sessions/spent-tickets.ts';
import { folderFor } from './helpers.ts';

const MINUTE = 60_000;

t.test('a ticket is refused the second time', async (t) => {
  await using spent = await SpentTickets.open(join(await folderFor(t), 'spent'));
  const jti = randomUUID();
  spent.use(jti, Date.now() + MINUTE);
  t.throws(() => spent.use(jti, Date.now() + MINUTE), { code: 'ticket-used', kind: 'refused' });
});

t.test('a ticket that was recorded is refused after a restart', async (t) => {
  const path = join(await folderFor(t), 'spent');
  const jtis = Array.from({ length: 20 }, () => randomUUID());
  {
    await using spent = await SpentTickets.open(path);
    for (const jti of jtis) spent.use(jti, Date.now() + MINUTE);
    await Promise.all(jtis.map((jti) => spent.recorded(jti)));
  }
  await using spent = await SpentTickets.open(path);
  for (const jti of jtis) t.throws(() => spent.use(jti, Date.now() + MINUTE), { code: 'ticket-used' });
  t.doesNotThrow(() => spent.use(randomUUID(), Date.now() + MINUTE), 'others are welcome');
});

t.test('a line cut off by a crash spoils neither the lines before nor those after it', async (t) => {
  const path = join(await folderFor(t), 'spent');
  const [before, after] = [randomUUID(), randomUUID()];
  {
    await using spent = await SpentTickets.open(path);
    spent.use(before, Date.now() + MINUTE);
    await spent.recorded(before);
    await appendFile(path, `${randomUUID().slice(0, 20)}`);
    spent.use(after, Date.now() + MINUTE);
    await spent.recorded(after);
  }
  await using spent = await SpentTickets.open(path);
  for (const jti of [before, after]) t.throws(() => spent.use(jti, Date.now() + MINUTE), { code: 'ticket-used' });
});

t.test('tickets are forgotten some time after they have expired, and the file stays small', async (t) => {
  const path = join(await folderFor(t), 'spent');
  let now = Date.now();
  await using spent = await SpentTickets.open(path, () => now);
  for (let round = 0; round < 4; round += 1) {
    const jtis = Array.from({ length: 600 }, () => randomUUID());
    for (const jti of jtis) spent.use(jti, now + MINUTE);
    await Promise.all(jtis.map((jti) => spent.recorded(jti)));
    now += 60 * MINUTE;
  }
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  t.ok(lines.length < 2000, `${lines.length} lines for 2400 tickets`);
});
