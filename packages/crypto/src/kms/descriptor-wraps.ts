import { type DomainDescriptor, describeDomain } from '../descriptor.ts';
import { hashMatches } from '../domain.ts';
import { fail } from '../failures.ts';
import type { WrapContext } from '../gcm-wrap.ts';
import { uuidText } from '../uuid.ts';
import type { KeyWrapper } from './key-wrapper.ts';

/** What a PH is bound to wherever it is wrapped. */
export function kmsWrapContext({ domainId, epoch }: Pick<DomainDescriptor, 'domainId' | 'epoch'>): WrapContext {
  return { purpose: 'ph-wrap', domainId, epoch };
}

/**
 * PH by a KMS wrap in the descriptor, through whichever of these services made one; undefined when none did. What the
 * descriptor names only selects among them.
 */
export async function openWithKms(descriptor: Buffer, wrappers: KeyWrapper[]): Promise<Buffer | undefined> {
  const described = describeDomain(descriptor);
  for (const { provider, keyRef, ciphertext } of described.kmsWraps) {
    const wrapper = wrappers.find((one) => one.provider === provider && one.keyRef === keyRef);
    if (wrapper === undefined) continue;
    const passwordHash = await wrapper.unwrap(ciphertext, kmsWrapContext(described));
    if (hashMatches(passwordHash, descriptor)) return passwordHash;
    passwordHash.fill(0);
    const name = uuidText(described.domainId);
    throw fail('wrap-damaged', `What ${provider} unwrapped is not the password hash of domain ${name}.`);
  }
  return undefined;
}
