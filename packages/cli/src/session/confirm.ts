import { createInterface } from 'node:readline/promises';
import { fail } from '../failures.ts';
import type { Invocation } from './host.ts';

/** Goes on when it is said on the command line (`--yes`) or on the terminal that this is meant; fails otherwise. */
export async function confirm({ host, signal }: Invocation, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return;
  if (host.stdin.isTTY !== true) {
    throw fail('not-confirmed', `${question} Nobody can be asked: this is not a terminal.`);
  }
  const lines = createInterface({ input: host.stdin, output: host.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw fail('not-confirmed', 'Nothing was changed.');
  } finally {
    lines.close();
  }
}
