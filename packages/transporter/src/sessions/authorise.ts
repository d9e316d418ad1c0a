import type { Ticket } from '@sealift/crypto';
import type { Open } from '@sealift/wire';
import { fail } from '../failures.ts';

const RIGHT_FOR = { backup: 'append', restore: 'read' } as const;

/** Refuses a session that its ticket does not cover: another run, job or repository, or a right that is missing. */
export function authorise(ticket: Ticket, open: Open): void {
  const right = RIGHT_FOR[open.purpose];
  if (!ticket.rights.includes(right)) {
    throw fail('right-missing', `The ticket does not give the right to ${right}, which a ${open.purpose} needs`);
  }
  for (const field of ['repositoryId', 'runId', 'jobId'] as const) {
    if (ticket[field] !== open[field]) {
      throw fail('ticket-mismatch', `The ticket is for ${field} ${ticket[field]}, the session for ${open[field]}`);
    }
  }
}
