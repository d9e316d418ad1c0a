import type { SecureContextOptions } from 'node:tls';

const HYBRID = 'X25519MLKEM768';

/**
 * TLS 1.3 only, hybrid post-quantum key exchange first. A peer without it is met with X25519, unless `postQuantumOnly`
 * rules that out: then it cannot connect. Node ignores an option `groups`; the name is `ecdhCurve`.
 */
export function tlsRules(postQuantumOnly = false) {
  return {
    minVersion: 'TLSv1.3',
    ecdhCurve: postQuantumOnly ? HYBRID : `${HYBRID}:X25519`,
  } as const satisfies SecureContextOptions;
}

/** For REST, where browsers and other tools come too: any group of TLS 1.3, unless `postQuantumOnly` rules that out. */
export function tlsRulesOfRest(postQuantumOnly = false): SecureContextOptions {
  return postQuantumOnly ? tlsRules(true) : { minVersion: 'TLSv1.3' };
}
