import { connect, type Socket } from 'node:net';

/** Longest answer, bytes; those to what is asked here take some hundred. */
const MOST_ANSWER_BYTES = 64 * 1024;
/** Ends what an earlier client may have left unfinished, at both ends. */
const DELIMITER = 0xff;
const NEWLINE = 10;

/** The agent in a guest, which is as trustworthy as the guest: each answer has its time and its greatest length. */
export class GuestAgent implements Disposable {
  readonly #socket: Socket;
  readonly #patience: number;
  #received = Buffer.alloc(0);
  #wake = Promise.withResolvers<void>();
  #broken: Error | undefined;

  private constructor(path: string, patience: number) {
    this.#patience = patience;
    this.#socket = connect({ path });
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', (error) => this.#break(error));
    this.#socket.on('close', () => this.#break(new Error('it has closed its connection')));
  }

  /** @param patience with each answer, ms @throws when nothing answers that speaks like an agent */
  static async connect(path: string, patience: number): Promise<GuestAgent> {
    const agent = new GuestAgent(path, patience);
    try {
      const id = Math.floor(Math.random() * 2 ** 31);
      const answer = await agent.#ask('guest-sync-delimited', { id }, DELIMITER);
      if (answer !== id) throw new Error('it answers something else than it was asked');
      return agent;
    } catch (thrown) {
      agent[Symbol.dispose]();
      throw thrown;
    }
  }

  /** @throws with the reason of the agent, or when it does not answer in time */
  execute(command: string): Promise<unknown> {
    return this.#ask(command, {});
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #ask(command: string, args: Record<string, unknown>, after?: number): Promise<unknown> {
    if (after !== undefined) this.#socket.write(Buffer.of(after));
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    const late = Date.now() + this.#patience;
    for (let line = this.#line(after); ; line = this.#line(after)) {
      if (line !== undefined) return returnedBy(line);
      if (this.#broken !== undefined) throw this.#broken;
      const left = late - Date.now();
      if (left <= 0) throw new Error(`it does not answer ${command}`);
      await this.#more(left);
    }
  }

  /** Waits for bytes, or for an end of waiting. */
  async #more(ms: number): Promise<void> {
    const timer = setTimeout(() => this.#wake.resolve(), ms);
    await this.#wake.promise;
    clearTimeout(timer);
    this.#wake = Promise.withResolvers<void>();
  }

  /** A line, of those behind the delimiter if there is to be one. */
  #line(after: number | undefined): Buffer | undefined {
    if (after !== undefined) {
      const from = this.#received.lastIndexOf(after);
      if (from < 0) return undefined;
      this.#received = this.#received.subarray(from);
    }
    const start = after === undefined ? 0 : 1;
    const end = this.#received.indexOf(NEWLINE, start);
    if (end < 0) return undefined;
    const line = this.#received.subarray(start, end);
    this.#received = this.#received.subarray(end + 1);
    return line;
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    if (this.#received.length > MOST_ANSWER_BYTES) this.#break(new Error('it sends an answer without end'));
    this.#wake.resolve();
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#socket.destroy();
    this.#wake.resolve();
  }
}

function returnedBy(line: Buffer): unknown {
  const answer = parse(line);
  if (answer.error === undefined) return answer.return;
  throw new Error(String((answer.error as { desc?: unknown } | null)?.desc ?? 'it refuses').slice(0, 1000));
}

function parse(line: Buffer): { return?: unknown; error?: unknown } {
  try {
    const value: unknown = JSON.parse(line.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new Error('it answers something that is no answer');
}
