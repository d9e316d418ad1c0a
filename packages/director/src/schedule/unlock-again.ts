import type { Context } from '../context.ts';
import type { Repository } from '../db/repositories.ts';
import type { Session } from '../inventory/connections.ts';
import { unlockUnasked } from '../keys/unlock-repository.ts';

/** A service that is away tells nobody when it is back, ms. */
const TRY_AGAIN = 2_000;
/** What the Director cannot open may be unlocked by its target or by somebody else, ms. */
const LOOK_AGAIN = 15_000;

/** Looks again, in the background, after locked repositories that runs wait for. */
export class UnlockAgain {
  readonly #context: Context;
  /** Attempts under way, and repositories whose turn has not come again. */
  readonly #attempts = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(context: Context) {
    this.#context = context;
    context.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** To be called whenever a run is found to wait for it. */
  look(target: Session, repository: Repository): void {
    const { id } = repository;
    if (this.#context.signal.aborted || this.#attempts.has(id) || this.#timers.has(id)) return;
    const attempt = this.#attempt(target, repository).finally(() => this.#attempts.delete(id));
    this.#attempts.set(id, attempt);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#attempts.values());
  }

  async #attempt(target: Session, repository: Repository): Promise<void> {
    const { repositories, log } = this.#context;
    const { id, name } = repository;
    try {
      await repositories.refresh(target, repository);
      const why = repositories.of(id)?.whyLocked;
      if (why === undefined || why.kind === 'retry') await unlockUnasked(this.#context, target, repository);
    } catch (thrown) {
      log.error({ repository: name, failure: thrown }, 'a locked repository could not be looked after');
    }
    if (repositories.of(id)?.keys?.locked !== true) this.#context.wakeDispatcher();
    else this.#later(id);
  }

  #later(id: string): void {
    if (this.#context.signal.aborted) return;
    const kind = this.#context.repositories.of(id)?.whyLocked?.kind ?? 'retry';
    const wake = () => {
      this.#timers.delete(id);
      this.#context.wakeDispatcher();
    };
    this.#timers.set(id, setTimeout(wake, kind === 'retry' ? TRY_AGAIN : LOOK_AGAIN));
  }

  #stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
