import type { SecureContextOptions } from 'node:tls';

/** Path of the control channel in its URL. */
export const CONTROL_PATH = '/control/v1';

/** Subprotocol that both ends insist on; the number is the version of the protocol. */
export const CONTROL_SUBPROTOCOL = 'sealift-control.1';

/** TLS 1.3 only, hybrid post-quantum key exchange first. Node ignores an option `groups`; the name is `ecdhCurve`. */
export const CONTROL_TLS = {
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519MLKEM768:X25519',
} as const satisfies SecureContextOptions;

/** The role in the certificate of a Director; no Transporter can have it. */
export const DIRECTOR_ROLE = 'director';
