import type { Identity } from '@sealift/crypto';

/** TLS 1.3 with mutual certificates of one installation. Node ignores `groups`; the curve list is what counts. */
export function tlsOptions(identity: Identity) {
  return {
    key: identity.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: identity.certificate,
    ca: identity.authority,
    minVersion: 'TLSv1.3',
    ecdhCurve: 'X25519MLKEM768:X25519',
    rejectUnauthorized: true,
  } as const;
}
