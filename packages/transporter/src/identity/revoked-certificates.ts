import { toFailure } from '@sealift/core';
import type { Link } from '@sealift/wire';
import { Type } from 'typebox';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import { readJsonFile, writeJsonFile } from '../storage/json-file.ts';

const StoredSchema = Type.Object({
  version: Type.Literal(1),
  /** Upper-case hexadecimal. */
  serials: Type.Array(Type.String({ pattern: '^[0-9A-F]{1,40}$' }), { maxItems: 10_000 }),
});

/**
 * Certificates that count no more, as the Director said last; on disk, so that they stay out while the Director is away.
 * Links whose peer has one end at once.
 */
export class RevokedCertificates {
  readonly #path: string;
  readonly #log: Logger;
  #serials: Set<string>;
  /** A link that nobody holds any more needs no cutting. */
  #links = new Set<WeakRef<Link>>();

  private constructor(path: string, serials: string[], log: Logger) {
    this.#path = path;
    this.#serials = new Set(serials);
    this.#log = log;
  }

  static async open(path: string, log: Logger): Promise<RevokedCertificates> {
    return new RevokedCertificates(path, (await readJsonFile(path, StoredSchema))?.serials ?? [], log);
  }

  /** Refuses a link whose peer was revoked, and ends it should that happen later. */
  admit(link: Link): Link {
    this.#refuse(link);
    this.#links = new Set([...this.#links].filter((known) => known.deref() !== undefined));
    this.#links.add(new WeakRef(link));
    return link;
  }

  /** Takes over the whole list; in force at once, durable when it resolves. */
  async replace(serials: string[]): Promise<void> {
    const known = this.#serials;
    if (known.size === serials.length && serials.every((serial) => known.has(serial))) return;
    this.#serials = new Set(serials);
    for (const link of this.#links) this.#cut(link.deref());
    await writeJsonFile(this.#path, { version: 1, serials });
  }

  #cut(link: Link | undefined): void {
    if (link === undefined) return;
    try {
      this.#refuse(link);
    } catch (thrown) {
      link.abort(toFailure(thrown));
      this.#log.warn({ peer: link.peer.id, failure: thrown }, 'link to a revoked Transporter cut');
    }
  }

  #refuse({ peer }: Link): void {
    if (!this.#serials.has(peer.serial)) return;
    throw fail('certificate-revoked', `The certificate ${peer.serial} of Transporter ${peer.id} was revoked.`);
  }
}
