import { X509Certificate } from 'node:crypto';
import { toFailure } from '@sealift/core';
import { createKeyAndRequest, type Identity, parseCertificate, verifyPeerCertificate } from '@sealift/crypto';
import type { DirectorLine } from '../control/director-line.ts';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import type { DataFolder } from '../storage/data-folder.ts';
import { belongTogether, type Enrolled, storeIdentity, storeKey } from './stored-identity.ts';

/** How often it is looked at whether the certificate is due, ms. */
const INTERVAL = 60 * 60 * 1000;
/** A certificate is renewed when this share of its life is over. */
const DUE_AT = 2 / 3;

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
  readonly #timer: NodeJS.Timeout;
  #enrolled: Enrolled;
  #renewing: Promise<void> | undefined;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#enrolled = options.enrolled;
    this.#timer = setInterval(() => this.check(), INTERVAL);
    this.#timer.unref();
  }

  get identity(): Identity {
    return this.#enrolled.identity;
  }

  get expiry(): Date {
    return parseCertificate(this.identity.certificate).notAfter;
  }

  /** Renews the certificate if that is due and the Director is there; else a later check does. */
  check(now: number = Date.now()): void {
    const { notBefore, notAfter } = parseCertificate(this.identity.certificate);
    const dueAt = notBefore.getTime() + DUE_AT * (notAfter.getTime() - notBefore.getTime());
    if (now < dueAt || this.#renewing !== undefined || !this.#options.line.connected) return;
    this.#renewing = this.#renew().finally(() => {
      this.#renewing = undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort(fail('stopping', 'The Transporter is stopping'));
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    const { log, onRenewed } = this.#options;
    try {
      this.#enrolled = await this.#renewed();
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
