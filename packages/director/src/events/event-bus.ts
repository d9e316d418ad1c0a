import { randomUUID } from 'node:crypto';
import type { DirectorEvent, NumberedEvent } from '@sealift/wire';

/** Events kept for readers that come back. */
const KEPT = 2000;

/** Hands what happens to whoever listens, and keeps the latest, so that a reader resumes where it stopped. */
export class EventBus {
  /** Numbers begin anew with each start, so an id names the start too. */
  readonly #start = randomUUID().slice(0, 8);
  readonly #kept: NumberedEvent[] = [];
  readonly #listeners = new Set<(event: NumberedEvent) => void>();
  #last = 0;

  publish(event: DirectorEvent): void {
    const numbered: NumberedEvent = { ...event, id: this.#id(++this.#last) };
    this.#kept.push(numbered);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(numbered);
  }

  /** Calls `listener` for each event from now on. Returns what stops it. */
  listen(listener: (event: NumberedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Events after the one of that id; `events.lost`, then all that are kept, when some of them are not kept any more. */
  since(id: string): NumberedEvent[] {
    const [start, number] = id.split('-');
    const seen = start === this.#start && /^[0-9]{1,15}$/.test(number ?? '') ? Number(number) : undefined;
    const firstKept = this.#last - this.#kept.length + 1;
    if (seen !== undefined && seen + 1 >= firstKept) return this.#kept.slice(seen + 1 - firstKept);
    return [{ type: 'events.lost', data: {}, id: this.#id(firstKept - 1) }, ...this.#kept];
  }

  #id(number: number): string {
    return `${this.#start}-${number}`;
  }
}
