import type { Identity } from '@sealift/crypto';
import { tlsRules } from '../tls.ts';

/** Mutual certificates of one installation, over TLS by its rules. */
export function tlsOptions(identity: Identity, postQuantumOnly?: boolean) {
  return {
    ...tlsRules(postQuantumOnly),
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: identity.certificate,
    ca: identity.authority,
    rejectUnauthorized: true,
  } as const;
}
