import { X509Certificate } from 'node:crypto';
import { toFailure } from '@sealift/core';
import {
  createKeyAndRequest,
  type Identity,
  parseCertificate,
  readTicket,
  verifyPeerCertificate,
} from '@sealift/crypto';
import type { DirectorLine } from '../control/director-line.ts';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import type { DataFolder } from '../storage/data-folder.ts';
import { belongTogether, type Enrolled, storeIdentity, storeKey } from './stored-identity.ts';

/** A certificate is renewed when this share of its life is over. */
const DUE_AT = 2 / 3;
/** What did not succeed is tried again when this share of the time that is left is over. */
const AGAIN_AFTER = 1 / 10;
/** Between two looks at whether it is due, ms. */
const SHORTEST_WAIT = 1000;
const LONGEST_WAIT = 60 * 60 * 1000;

export interface RenewalOptions {
  enrolled: Enrolled;
  folder: DataFolder;
  line: DirectorLine;
  /** Told the new identity once it is on disk, to present it from now on. */
  onRenewed: (identity: Identity) => Promise<void>;
  log: Logger;
}

/** The identity in force, and its renewal at two thirds of each certificate's life, with a new key every time. */
export class CertificateRenewal implements AsyncDisposable {
  readonly #options: RenewalOptions;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #enrolled: Enrolled;
  #earlier: Identity | undefined;
  /** When the present certificate came, ms; undefined when it is one of before the start. */
  #since: number | undefined;
  #renewing: Promise<void> | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#enrolled = options.enrolled;
    this.#plan();
  }

  get identity(): Identity {
    return this.#enrolled.identity;
  }

  get expiry(): Date {
    return parseCertificate(this.identity.certificate).notAfter;
  }

  /** The identity that a ticket was made out to: one from just before a renewal names the key of then. */
  identityFor(ticket: Buffer): Identity {
    const earlier = this.#earlier;
    if (earlier === undefined) return this.identity;
    const { publicKeyHash } = parseCertificate(earlier.certificate);
    return readTicket(ticket).sourceKeyHash.equals(publicKeyHash) ? earlier : this.identity;
  }

  /** Renews the certificate if that is due and the Director is there; else a later check does. */
  check(): void {
    if (Date.now() < this.#dueAt() || this.#renewing !== undefined || !this.#options.line.connected) return;
    this.#renewing = this.#renew().finally(() => {
      this.#renewing = undefined;
      this.#plan();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort(fail('stopping', 'The Transporter is stopping'));
    await this.#renewing;
    clearTimeout(this.#timer);
  }

  #dueAt(): number {
    const { notBefore, notAfter } = parseCertificate(this.identity.certificate);
    // Certificates are dated back a little, which would make one that lives for minutes due from its beginning.
    const since = this.#since ?? notBefore.getTime();
    return since + DUE_AT * (notAfter.getTime() - since);
  }

  #plan(): void {
    const now = Date.now();
    const dueIn = this.#dueAt() - now;
    const wait = dueIn > 0 ? dueIn : AGAIN_AFTER * (this.expiry.getTime() - now);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.check();
        this.#plan();
      },
      Math.min(LONGEST_WAIT, Math.max(SHORTEST_WAIT, wait)),
    );
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    const { log, onRenewed } = this.#options;
    try {
      const renewed = await this.#renewed();
      this.#earlier = this.identity;
      this.#enrolled = renewed;
      this.#since = Date.now();
      log.info({ until: this.expiry }, 'certificate renewed');
      await onRenewed(this.identity);
    } catch (thrown) {
      log.error({ failure: toFailure(thrown), expires: this.expiry }, 'certificate not renewed, trying again later');
    }
  }

  async #renewed(): Promise<Enrolled> {
    const { folder, line } = this.#options;
    const { id } = this.identity;
    const { privateKey, request } = await createKeyAndRequest();
    const keyFile = await storeKey(folder, privateKey);
    const { certificate, authority } = await line.call('certificate.renew', { request }, this.#stop.signal);
    const holder = verifyPeerCertificate(new X509Certificate(certificate).raw, authority, new Date());
    if (holder.id !== id || !belongTogether(privateKey, certificate)) {
      throw fail('enrolment-invalid', 'The Director answered a renewal with the certificate of somebody else');
    }
    const enrolled = { ...this.#enrolled, identity: { id, privateKey, certificate, authority }, keyFile };
    await storeIdentity(folder, enrolled);
    return enrolled;
  }
}
