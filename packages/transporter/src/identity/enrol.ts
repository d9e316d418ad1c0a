import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createKeyAndRequest, parseEnrolmentToken, publicKeyHash, verifyPeerCertificate } from '@sealift/crypto';
import { type EnrolmentResource, RestClient } from '@sealift/wire';
import type { Settings } from '../config.ts';
import { fail } from '../failures.ts';
import type { Logger } from '../logger.ts';
import type { DataFolder } from '../storage/data-folder.ts';
import { belongTogether, type Enrolled, loadIdentity, storeIdentity, storeKey } from './stored-identity.ts';

/** How long the Director may take to admit a Transporter, ms. */
const PATIENCE = 30_000;

/**
 * Who this Transporter is: as enrolled before, in which case a token is ignored, or by spending the token now. An
 * enrolment that was interrupted leaves nothing behind that stands in the way of the next, with a new token.
 */
export async function establishIdentity(settings: Settings, folder: DataFolder, log: Logger): Promise<Enrolled> {
  const known = await loadIdentity(folder);
  if (known !== undefined) return checkConfigured(known, settings);
  const token = await readToken(settings);
  if (token === undefined || settings.directorUrl === undefined) {
    const missing = token === undefined ? 'no enrolment token' : 'no address of a Director';
    throw fail('not-enrolled', `The Transporter ${settings.name} has no identity in ${folder.root}, and ${missing}`);
  }
  const enrolled = await enrol(settings, settings.directorUrl, token, folder);
  log.info({ id: enrolled.identity.id, director: settings.directorUrl }, 'enrolled');
  return enrolled;
}

async function enrol(settings: Settings, url: string, tokenText: string, folder: DataFolder): Promise<Enrolled> {
  const { id, secret, pin } = parseEnrolmentToken(tokenText);
  const { privateKey, request } = await createKeyAndRequest();
  const keyFile = await storeKey(folder, privateKey);
  using client = new RestClient({ url, pin, postQuantumOnly: settings.postQuantumOnly });
  const body = { token: { id, secret: secret.toString('base64url') }, request, name: settings.name };
  const answer = await client.call('enrol', { body }, AbortSignal.timeout(PATIENCE));
  const { certificate, authority, name, role, controlUrl } = answer;
  checkAnswer(answer, settings, pin);
  if (!belongTogether(privateKey, certificate)) {
    throw fail('enrolment-invalid', 'The Director certified another key than the one it was asked to');
  }
  const identity = { id: answer.id, privateKey, certificate, authority };
  const enrolled = { identity, name, role, controlUrl, keyFile };
  await storeIdentity(folder, enrolled);
  return enrolled;
}

/** The answer came from a server the pin stands for; what it says must still fit together. */
function checkAnswer(answer: EnrolmentResource, settings: Settings, pin: string): void {
  const authority = new X509Certificate(answer.authority);
  if (publicKeyHash(authority.publicKey).toString('base64url') !== pin) {
    throw fail('enrolment-invalid', 'The Director answered with another authority than the one the token names');
  }
  const holder = verifyPeerCertificate(new X509Certificate(answer.certificate).raw, answer.authority, new Date());
  if (holder.id !== answer.id) {
    throw fail('enrolment-invalid', `The Director certified ${holder.id}, and says the id is ${answer.id}`);
  }
  if (answer.role !== settings.role) {
    throw fail('enrolment-invalid', `The token is for a ${answer.role}, this Transporter is a ${settings.role}`);
  }
  if (!URL.canParse(answer.controlUrl) || new URL(answer.controlUrl).protocol !== 'wss:') {
    throw fail('enrolment-invalid', `The Director gave '${answer.controlUrl}' as its control address`);
  }
}

function checkConfigured(known: Enrolled, settings: Settings): Enrolled {
  for (const field of ['name', 'role'] as const) {
    if (known[field] !== settings[field]) {
      const both = `enrolled with the ${field} ${known[field]}, and is configured with ${settings[field]}`;
      throw fail('identity-mismatch', `The Transporter in ${settings.data} was ${both}`);
    }
  }
  return known;
}

async function readToken({ token, tokenFile }: Settings): Promise<string | undefined> {
  if (token !== undefined || tokenFile === undefined) return token;
  return readFile(tokenFile, 'utf8').catch((cause) => {
    throw fail('configuration', `The token file ${tokenFile} cannot be read: ${cause.message}`, { cause });
  });
}
