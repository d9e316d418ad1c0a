import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy that counts what goes through it and can be shut, which cuts every connection through it. */
export class TcpGate implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #shut = false;
  /** Bytes that went to the far side. */
  forwarded = 0;
  /** Bytes that came back. */
  returned = 0;

  private constructor(farPort: number) {
    this.#server = createServer((near) => this.#join(near, farPort));
  }

  static async open(farPort: number): Promise<TcpGate> {
    const gate = new TcpGate(farPort);
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves when so many bytes have gone through since now. */
  async passed(bytes: number, way: 'forwarded' | 'returned' = 'forwarded'): Promise<void> {
    const goal = this[way] + bytes;
    while (this[way] < goal) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  shut(): void {
    this.#shut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  reopen(): void {
    this.#shut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.shut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, farPort: number): void {
    if (this.#shut) {
      near.destroy();
      return;
    }
    const far = connect(farPort, '127.0.0.1');
    near.on('data', (bytes) => {
      this.forwarded += bytes.length;
    });
    far.on('data', (bytes) => {
      this.returned += bytes.length;
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
