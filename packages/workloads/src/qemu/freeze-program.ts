import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuestAgent } from './guest-agent.ts';

/*
 * A process of its own: freezes the filesystems of a guest, says so, and thaws them when its input ends (as it does with
 * whoever started it, however that ended) or after a time. node freeze-program.ts SOCKET ANSWER_MS FROZEN_MS THAW_MS;
 * with a FROZEN_MS of 0 it only thaws. Each line of output is an object of the type `FreezeReport`.
 */

export type FreezeReport = { frozen: number } | { thawed: 'asked' | 'late' } | { failed: string };

const [socket = '', answerMs = 0, frozenMs = 0, thawMs = 0] = process.argv
  .slice(2)
  .map((arg, i) => (i === 0 ? arg : Number(arg))) as [string, number, number, number];

const RETRY_MS = 200;

const released = once(process.stdin.resume(), 'end').then(() => 'asked' as const);
// Nobody has to read what is said for the guest to be thawed.
process.stdout.on('error', () => {});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

function say(report: FreezeReport): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

async function freeze(agent: GuestAgent): Promise<number> {
  const frozen = await agent.execute('guest-fsfreeze-freeze');
  if (!Number.isSafeInteger(frozen)) throw new Error('it does not say what it has frozen');
  return frozen as number;
}

/** Over a connection of its own, for that of the freezing may be what does not work. */
async function thaw(): Promise<void> {
  const late = Date.now() + thawMs;
  for (;;) {
    try {
      using agent = await GuestAgent.connect(socket, answerMs);
      await agent.execute('guest-fsfreeze-thaw');
      return;
    } catch (thrown) {
      if (Date.now() > late) throw thrown;
      await sleep(RETRY_MS);
    }
  }
}

async function hold(): Promise<'asked' | 'late'> {
  let frozen: number;
  using agent = await GuestAgent.connect(socket, answerMs);
  try {
    frozen = await freeze(agent);
  } catch (thrown) {
    // It may have frozen something all the same.
    agent[Symbol.dispose]();
    await thaw().catch(() => {});
    throw thrown;
  }
  agent[Symbol.dispose]();
  say({ frozen });
  const over = await Promise.race([released, sleep(frozenMs, 'late' as const)]);
  await thaw();
  return over;
}

try {
  if (frozenMs === 0) await thaw();
  say({ thawed: frozenMs === 0 ? 'asked' : await hold() });
} catch (thrown) {
  say({ failed: (thrown as Error).message });
}
process.exit();
