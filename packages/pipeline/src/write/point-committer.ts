import { openManifest, type ReferenceCollector, type Repository } from '@sealift/repository';
import {
  decodeCommit,
  decodeReferences,
  decodeReferencesEnd,
  encodeCommitted,
  encodeRuns,
  type Link,
  MESSAGE,
} from '@sealift/wire';
import { fail } from '../failures.ts';

/** The end of a backup at the target: collects the references, checks that nothing is missing, and commits the point. */
export class PointCommitter implements AsyncDisposable {
  readonly #link: Link;
  readonly #repository: Repository;
  readonly #pointId: string;
  readonly #zone: Buffer;
  #references: Promise<ReferenceCollector> | undefined;

  constructor(link: Link, repository: Repository, pointId: string, zone: Buffer) {
    this.#link = link;
    this.#repository = repository;
    this.#pointId = pointId;
    this.#zone = zone;
  }

  async receive(kind: number, payload: Buffer): Promise<void> {
    if (kind === MESSAGE.references) await (await this.#collector()).append(decodeReferences(payload));
    else if (kind === MESSAGE.referencesEnd) await this.#check(payload);
    else if (kind === MESSAGE.commit) await this.#commit(payload);
    else throw fail('protocol-violation', `The source sent message ${kind}, which has no place in a backup.`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#references)?.[Symbol.asyncDispose]();
  }

  #collector(): Promise<ReferenceCollector> {
    this.#references ??= this.#repository.references({ pointId: this.#pointId, zone: this.#zone });
    return this.#references;
  }

  async #check(payload: Buffer): Promise<void> {
    const told = decodeReferencesEnd(payload);
    const { count, hash, runs, missingCount } = await (await this.#collector()).finish();
    if (count !== told.count || !hash.equals(told.hash)) {
      throw fail('references-differ', `${count} references arrived of the ${told.count} that were sent.`);
    }
    await this.#link.send(MESSAGE.runs, encodeRuns({ runs, missing: missingCount }));
  }

  async #commit(payload: Buffer): Promise<void> {
    const manifest = decodeCommit(payload);
    this.#checkOrigin(manifest);
    const lockFor = this.#link.ticket?.lockFor;
    const { id, hash, receivedAt } = await this.#repository.commitPoint({
      pointId: this.#pointId,
      manifest,
      references: await this.#collector(),
      ...(lockFor === undefined ? {} : { lockFor }),
    });
    await this.#link.send(MESSAGE.committed, encodeCommitted({ pointId: id, hash, receivedAt }));
  }

  /**
   * A point is signed by the Transporter that made it, and belongs to the job its ticket was issued for. A copy is sent by
   * another Transporter, so its ticket names the very file.
   */
  #checkOrigin(file: Buffer): void {
    const { manifest, signer, hash } = openManifest(file, {});
    const copied = this.#link.ticket?.pointHash;
    if (copied !== undefined) {
      if (hash.equals(copied)) return;
      throw fail('not-permitted', `The ticket of this copy is for another recovery point ${this.#pointId}.`);
    }
    const own = signer.publicKeyHash.equals(this.#link.peer.publicKeyHash) && manifest.sourceId === this.#link.peer.id;
    if (!own || manifest.jobId !== this.#link.ticket?.jobId) {
      throw fail('not-permitted', 'The recovery point was made by another Transporter or for another job.');
    }
  }
}
