import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface Shape {
  /** Round trip, ms; half of it each way. */
  roundTrip: number;
  /** Bits a second each way, shared by all connections. */
  bandwidth: number;
}

/** Bytes of one connection that may be on their way in one direction, as a long line with large buffers holds. */
const IN_FLIGHT = 16 * 1024 * 1024;

/** A TCP proxy that makes the loopback interface a long line: everything arrives later, and only so fast. */
export class DelayedLink implements AsyncDisposable {
  /** That went through, both ways. */
  bytes = 0;
  readonly #server: Server;
  readonly #shape: Shape;
  readonly #sockets = new Set<Socket>();
  /** When the line is free again, for each direction. */
  readonly #freeAt = { out: 0, back: 0 };

  private constructor(farPort: number, shape: Shape) {
    this.#shape = shape;
    this.#server = createServer((near) => this.#join(near, connect(farPort, '127.0.0.1')));
  }

  static async open(farPort: number, shape: Shape): Promise<DelayedLink> {
    const link = new DelayedLink(farPort, shape);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket): void {
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    this.#carry(near, far, 'out');
    this.#carry(far, near, 'back');
  }

  #carry(from: Socket, to: Socket, way: 'out' | 'back'): void {
    let underWay = 0;
    // Timers do not promise an order; what was sent first must arrive first.
    const queue: (() => void)[] = [];
    const later = (bytes: number, act: () => void) => {
      const now = performance.now();
      const start = Math.max(now, this.#freeAt[way]);
      this.#freeAt[way] = start + (bytes * 8000) / this.#shape.bandwidth;
      queue.push(act);
      setTimeout(() => queue.shift()?.(), this.#freeAt[way] + this.#shape.roundTrip / 2 - now);
    };
    from.on('data', (piece: Buffer) => {
      this.bytes += piece.length;
      underWay += piece.length;
      if (underWay > IN_FLIGHT) from.pause();
      later(piece.length, () => {
        to.write(piece, () => {
          underWay -= piece.length;
          if (underWay <= IN_FLIGHT) from.resume();
        });
      });
    });
    from.on('end', () => later(0, () => to.end()));
    from.on('close', () => later(0, () => to.destroy()));
  }
}
