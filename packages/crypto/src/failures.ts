import { failuresOf } from '@sealift/core';

/** Builds every failure of this package; the codes are the keys below. */
export const fail = failuresOf({
  /** A sealed chunk, bundle or inner does not have the bytes it must have (tag, commitment, lengths, id). */
  'chunk-damaged': {
    kind: 'corrupt',
    advice: 'Verify the repository; restore this item from another recovery point or copy.',
  },
  /** A chunk of one type was offered where another type is wanted. */
  'chunk-type-mismatch': {
    kind: 'corrupt',
    advice: 'Treat the repository as tampered with, verify it and look at who can write to it.',
  },
  /** No key for the run that sealed the chunk. */
  'run-key-missing': { kind: 'refused', advice: 'Ask for the keys of every run the recovery point lists.' },
  /** A run key does not fit the public commitment recorded for its run. */
  'run-key-mismatch': {
    kind: 'corrupt',
    advice: 'Check that this recovery point belongs to this encryption password.',
  },
  /** The bytes carry a version, suite or flag that this program does not know. */
  'format-unknown': { kind: 'refused', advice: 'Use a Sealift at least as new as the one that wrote it.' },
  /** A length, count or parameter is outside the limits of the format. */
  'limit-exceeded': { kind: 'refused', advice: 'Check where these bytes come from; no genuine program writes them.' },
  /** A compression setting that is not offered. */
  'compression-invalid': { kind: 'refused', advice: 'Use auto, zstd, zstd:LEVEL (1 to 19, or -7 to -2), lz4 or none.' },
  /** The password does not belong to this encryption domain and epoch. */
  'wrong-password': { kind: 'refused', advice: 'Check the password and which password the recovery point names.' },
  /** The password is empty or longer than 1024 bytes. */
  'password-unusable': { kind: 'refused', advice: 'Choose a password of 1 to 1024 bytes.' },
  /** The domain descriptor is malformed, or its MAC does not verify under the right password. */
  'descriptor-damaged': {
    kind: 'corrupt',
    advice: 'Take the descriptor from another recovery point of the same domain.',
  },
  /** Argon2id parameters below the floor (downgrade) or above the ceiling (denial of service). */
  'kdf-refused': { kind: 'refused', advice: 'Use 64 MiB to 2 GiB of memory, 3 to 10 passes and 1 to 16 lanes.' },
  /** A run of another key epoch than that of the opened domain. */
  'epoch-mismatch': { kind: 'refused', advice: 'Open the domain with the descriptor of that epoch.' },
  /** The master key file is readable by others. */
  'master-key-exposed': { kind: 'refused', advice: 'chmod 600 the file; if others could read it, make a new key.' },
  /** The master key is not 32 bytes of base64. */
  'master-key-invalid': { kind: 'refused', advice: 'Give 32 random bytes in base64, e.g. openssl rand -base64 32.' },
  /** An address of a key that makes no sense. */
  'kms-config-invalid': {
    kind: 'refused',
    advice: 'For example file:/etc/sealift/master.key or pkcs11:token=T;object=K?module-path=/…&pin-source=file:/….',
  },
  /** A key management service does not answer. */
  'kms-unavailable': { kind: 'retry', advice: 'Check the service and the way to it; work goes on when it is back.' },
  /** A key management service says no, or what it needs is missing. */
  'kms-refused': { kind: 'refused', advice: 'Check the key, its policy, and the token, PIN or credentials used.' },
  /** What is to be unwrapped was wrapped under another master key. */
  'master-key-wrong': { kind: 'refused', advice: 'Restore the master key file or variable that was used before.' },
  /** A wrapped secret does not verify. */
  'wrap-damaged': { kind: 'corrupt', advice: 'Restore the database that holds it, or give the password again.' },
  /** Keys sealed for a task do not open. */
  'task-keys-damaged': {
    kind: 'corrupt',
    advice: 'Run the task again; if it repeats, look at what lies between the hosts.',
  },
  /** A public key or KEM ciphertext of the wrong form. */
  'key-invalid': { kind: 'refused', advice: 'Check that both sides run compatible versions.' },
  /** A certificate, request or key file that cannot be read. */
  'certificate-invalid': { kind: 'refused', advice: 'Enrol the Transporter again.' },
  /** A certificate that this authority did not issue. */
  'certificate-untrusted': { kind: 'refused', advice: 'Enrol both Transporters with the same Director.' },
  /** A certificate outside its time of validity. */
  'certificate-expired': { kind: 'refused', advice: 'Check the clocks of both machines, then renew or enrol again.' },
  /** A ticket of the wrong form, signature or key. */
  'ticket-invalid': { kind: 'refused', advice: 'Ask the Director for a new ticket.' },
  /** A ticket outside its start window. */
  'ticket-expired': { kind: 'refused', advice: 'Check the clocks of the machines, then ask for a new ticket.' },
  /** A ticket made for other certificates than those that present it. */
  'ticket-misdirected': { kind: 'refused', advice: 'Find out how another machine came by this ticket.' },
  /** A ticket presented a second time. */
  'ticket-used': { kind: 'refused', advice: 'Ask the Director for a new ticket for each connection.' },
  /** An enrolment token that cannot be read. */
  'enrolment-token-invalid': { kind: 'refused', advice: 'Copy the whole token, or make a new one.' },
  /** A handshake message that is malformed, or whose signature or MAC does not verify. */
  'handshake-failed': {
    kind: 'refused',
    advice: 'Look at what lies between the hosts; check that versions are compatible.',
  },
  /** A record that is malformed, altered, repeated, out of order or missing before the one at hand. */
  'record-refused': { kind: 'corrupt', advice: 'Connect again; if it repeats, look at what lies between the hosts.' },
  /** Sealing or opening behind the end of the stream. */
  'stream-ended': { kind: 'bug', advice: 'This is a defect of Sealift: please report it.' },
  /** An identifier that is not a UUID. */
  'uuid-invalid': { kind: 'refused', advice: 'Give a UUID in lower case with hyphens.' },
});
