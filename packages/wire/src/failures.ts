import { failuresOf } from '@sealift/core';

/** Every failure that this package reports by itself; failures of the peer arrive with the peer's own codes. */
export const fail = failuresOf({
  /** Bytes from the peer break the protocol: malformed, too large, or out of turn. */
  'protocol-violation': {
    kind: 'refused',
    advice: 'Check that both sides run the same version; if they do, something between them alters the traffic.',
  },
  /** The two sides have no protocol version in common. */
  'version-mismatch': { kind: 'refused', advice: 'Bring both machines to the same version of Sealift.' },
  /** A connection that was up is gone, or silent for too long. */
  disconnected: { kind: 'retry', advice: 'Check the network between the two machines.' },
  /** No connection could be made. */
  unreachable: { kind: 'retry', advice: 'Check that the other side is running and that its address is right.' },
  /** The address of a Transporter is not one. */
  'address-invalid': { kind: 'refused', advice: 'Give it as wss://HOST:PORT.' },
  /** A limit of the bandwidth that is none. */
  'bandwidth-invalid': {
    kind: 'refused',
    advice: "Give a rate, and rules for days and hours behind it: '20M; mon-fri 08:00-18:00 2M; sun unlimited'",
  },
  /** One side does not accept the other's certificate. */
  'certificate-refused': {
    kind: 'refused',
    advice: 'Check that both machines are enrolled with the same Director and that their clocks are right.',
  },
  /** No group for the TLS key exchange is allowed on both sides. */
  'key-exchange-refused': {
    kind: 'refused',
    advice:
      'One side insists on post-quantum key exchange (postQuantumOnly). Run the same version of Sealift on both, or set it on neither.',
  },
  /** A listener has as many connections as it takes, in all or from this peer. */
  'too-many-connections': {
    kind: 'retry',
    advice: 'Run fewer jobs at the same time, or raise maxLinks or maxLinksPerPeer of the target.',
  },
  /** The certificate is valid but belongs to somebody else. */
  'wrong-peer': {
    kind: 'refused',
    advice: 'Check the address: another Transporter answers there than the one that was asked for.',
  },
  /** A control message or a document exceeds its limit. */
  'message-too-large': { kind: 'refused', advice: 'Ask for less at once; the limits are listed in PROTOCOL.md.' },
  /** The called side has no such method. */
  'method-unknown': { kind: 'refused', advice: 'Upgrade the older of the two programs.' },
  /** More calls at once than the peer accepts. */
  'too-many-calls': { kind: 'retry', advice: 'Wait until earlier calls are answered.' },
  /** A download ended without its authenticated end: something is missing. */
  'download-cut-off': {
    kind: 'retry',
    advice: 'Download it again. If that happens again, look into the logs of the Transporter and the Director.',
  },
  /** A download that is not sealed to our key, for what we asked for, or breaks the format. */
  'download-refused': { kind: 'refused', advice: 'Upgrade the older of the programs; if they are equal, tell us.' },
  /** What answered is not the API of a Director. */
  'response-invalid': { kind: 'refused', advice: 'Check that the address is that of a Sealift Director.' },
});
