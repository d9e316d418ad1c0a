import { hostname } from 'node:os';
import type { Authority } from '@sealift/crypto';

const DAY = 24 * 60 * 60 * 1000;
const LIFE_DAYS = 90;
/** A new one is made this often, ms; each lives much longer. */
const RENEWAL = 7 * DAY;
const WILDCARDS = new Set(['0.0.0.0', '::']);

export interface ServerCertificate {
  /** PEM */
  key: string;
  /** PEM: the Director's certificate, then its authority's, so that whoever holds a pin of that can check it. */
  cert: string;
  /** ms */
  expiresAt: number;
}

/** The certificate of both listeners, made anew at each start and every week. Its key is never stored. */
export class ServerCertificates implements Disposable {
  readonly #renew: () => Promise<ServerCertificate>;
  readonly #onRenewed: ((certificate: ServerCertificate) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  current: ServerCertificate;

  private constructor(first: ServerCertificate, renew: () => Promise<ServerCertificate>) {
    this.current = first;
    this.#renew = renew;
    this.#timer = setInterval(() => void this.#replace(), RENEWAL);
    this.#timer.unref();
  }

  static async make(authority: Authority, id: string, names: (string | undefined)[]): Promise<ServerCertificates> {
    const known = names.filter((name) => name !== undefined && !WILDCARDS.has(name)) as string[];
    const all = [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...known])];
    const issue = async () => {
      const { key, certificate } = await authority.issueServer(all, LIFE_DAYS, id);
      const cert = `${certificate.trimEnd()}\n${authority.certificate}`;
      return { key, cert, expiresAt: Date.now() + LIFE_DAYS * DAY };
    };
    return new ServerCertificates(await issue(), issue);
  }

  onRenewed(listener: (certificate: ServerCertificate) => void): void {
    this.#onRenewed.push(listener);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #replace(): Promise<void> {
    this.current = await this.#renew();
    for (const listener of this.#onRenewed) listener(this.current);
  }
}
