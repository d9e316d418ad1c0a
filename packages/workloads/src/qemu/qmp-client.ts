import { connect, type Socket } from 'node:net';
import { fail } from '../failures.ts';

/** Longest message that QEMU may send, bytes; a machine with many disks tells some hundred kilobytes of them. */
const MOST_MESSAGE_BYTES = 16 * 1024 * 1024;
/** A monitor has one client at a time: whoever comes second waits for its greeting. */
const GREETING_MS = 10_000;
const ANSWER_MS = 60_000;

type Answer = PromiseWithResolvers<unknown>;

interface Message {
  QMP?: unknown;
  event?: unknown;
  id?: unknown;
  return?: unknown;
  error?: { class?: unknown; desc?: unknown };
}

/** The monitor of a QEMU process. While it is connected nobody else can use this socket of it. */
export class QmpClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #answers = new Map<number, Answer>();
  readonly #greeting = Promise.withResolvers<void>();
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #lastId = 0;
  #broken: Error | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.#socket = connect({ path });
    this.#greeting.promise.catch(() => {});
    this.#socket.on('data', (bytes) => this.#take(bytes));
    this.#socket.on('error', (cause) => {
      this.#break(fail('vm-unreachable', `${path}: ${cause.message}`, { cause }));
    });
    this.#socket.on('close', () => {
      this.#break(fail('vm-unreachable', `The virtual machine at ${path} has gone.`));
    });
  }

  /** @throws Failure `vm-unreachable`, `vm-busy`, `vm-violation` */
  static async connect(path: string, signal?: AbortSignal): Promise<QmpClient> {
    signal?.throwIfAborted();
    const client = new QmpClient(path);
    const busy = fail('vm-busy', `The monitor at ${path} does not greet: another program is connected to it.`);
    const late = setTimeout(() => client.#break(busy), GREETING_MS);
    const give = () => client.#break(signal?.reason);
    signal?.addEventListener('abort', give, { once: true });
    try {
      await client.#greeting.promise;
      await client.execute('qmp_capabilities');
      return client;
    } catch (thrown) {
      client.#socket.destroy();
      throw thrown;
    } finally {
      clearTimeout(late);
      signal?.removeEventListener('abort', give);
    }
  }

  /** What the command returns, of the shape that QEMU documents for it. @throws Failure `vm-refused`, `vm-unreachable` */
  async execute<T = unknown>(command: string, args: Record<string, unknown> = {}): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken;
    const id = ++this.#lastId;
    const answer: Answer = Promise.withResolvers();
    this.#answers.set(id, answer);
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    const late = setTimeout(() => {
      this.#break(fail('vm-unreachable', `The virtual machine at ${this.#path} does not answer ${command}.`));
    }, ANSWER_MS);
    try {
      return (await answer.promise) as T;
    } catch (thrown) {
      throw thrown instanceof Refusal ? fail('vm-refused', `QEMU refused ${command}: ${thrown.message}`) : thrown;
    } finally {
      clearTimeout(late);
      this.#answers.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.destroy();
    await closed;
  }

  #take(bytes: Buffer): void {
    this.#received.push(bytes);
    this.#receivedBytes += bytes.length;
    if (!bytes.includes(10)) {
      if (this.#receivedBytes > MOST_MESSAGE_BYTES) this.#violation('a message without end');
      return;
    }
    const lines = Buffer.concat(this.#received).toString('utf8').split('\n');
    const rest = Buffer.from(lines.pop() ?? '');
    this.#received = [rest];
    this.#receivedBytes = rest.length;
    for (const line of lines) if (line.trim() !== '') this.#line(line);
  }

  #line(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line);
    } catch {
      this.#violation('something that is not JSON');
      return;
    }
    if (typeof message !== 'object' || message === null) this.#violation('no object');
    else if (message.QMP !== undefined) this.#greeting.resolve();
    else if (message.event === undefined) this.#answer(message);
  }

  #answer({ id, error, return: result }: Message): void {
    const answer = typeof id === 'number' ? this.#answers.get(id) : undefined;
    if (answer === undefined) this.#violation('an answer to nothing');
    else if (error === undefined) answer.resolve(result);
    else answer.reject(new Refusal(String(error?.desc ?? 'without a reason').slice(0, 1000)));
  }

  #violation(what: string): void {
    this.#break(fail('vm-violation', `What listens at ${this.#path} sent ${what}, and is no monitor of QEMU.`));
  }

  #break(error: Error): void {
    this.#broken ??= error;
    this.#greeting.reject(this.#broken);
    for (const { reject } of this.#answers.values()) reject(this.#broken);
    this.#socket.destroy();
  }
}

/** QEMU does not do what it was asked for. */
class Refusal extends Error {}
