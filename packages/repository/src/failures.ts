import { failuresOf } from '@sealift/core';

/** Every failure this package reports of itself; errors of the operating system keep the codes of core. */
export const fail = failuresOf({
  /** Bytes of a stored or received structure break its format. */
  'format-damaged': { kind: 'corrupt', advice: 'Compare with another copy of the repository and check the disk.' },
  /** A value given by our own code cannot be written in the format. */
  'format-limit': { kind: 'refused', advice: 'Leave this item out; the message names the limit it exceeds.' },
  /** The repository carries a format version this program does not know. */
  'repository-too-new': { kind: 'refused', advice: 'Update Sealift on this machine, then open the repository again.' },
  'repository-exists': { kind: 'refused', advice: 'Open it, or choose an empty place for a new one.' },
  'repository-not-found': { kind: 'refused', advice: 'Check the path, or create a repository there first.' },
  /** Another Transporter serves this repository. */
  'repository-in-use': { kind: 'retry', advice: 'Stop the other Transporter, or wait until its lease lapses.' },
  /** Another opening has taken the repository over. */
  'lease-lost': {
    kind: 'retry',
    advice: 'Make sure that one Transporter alone serves the repository, then open it again.',
  },
  /** Another collection, repair or rotation began, since this one gave no sign of life. */
  'upkeep-lost': { kind: 'retry', advice: 'Wait until the one under way has ended, then run this one again.' },
  /** Nothing is written, because its opener said so or the filesystem takes nothing. */
  'opened-read-only': {
    kind: 'refused',
    advice: 'Make the filesystem writable: its Transporter then opens it for writing. Until then, restore from it.',
  },
  'repository-closed': { kind: 'refused', advice: 'Open the repository again.' },
  /** Encrypted at rest, and no key was given since it was opened. */
  'repository-locked': { kind: 'retry', advice: 'Unlock it: sealift repository unlock NAME.' },
  'not-encrypted': { kind: 'refused', advice: 'Encryption at rest is chosen when a repository is made.' },
  'wrong-repository-key': { kind: 'refused', advice: 'Give the password or key file of this slot, or of another one.' },
  'key-slot-unknown': { kind: 'refused', advice: 'List the slots: sealift repository key list NAME.' },
  'key-slot-exists': { kind: 'refused', advice: 'Give the new slot another id.' },
  'last-key-slot': { kind: 'refused', advice: 'Add another key slot first, then remove this one.' },
  'key-table-outdated': { kind: 'retry', advice: 'Begin again: the repository is opened anew.' },
  /** No copy of the key table can be read, or its MAC does not hold. */
  'key-table-damaged': { kind: 'corrupt', advice: 'Put the folder "keys" back from a copy of the repository.' },
  /** What the index keeps on a disk of this machine is not what was written there. */
  'index-damaged': {
    kind: 'retry',
    advice:
      'Wait until the repository was opened anew, which builds its index again, and check the disk of the cache folder.',
  },
  /** Stored bytes of a chunk differ from their checksum. */
  'chunk-damaged': { kind: 'corrupt', advice: 'Run a new backup, which stores the chunk again, and check the disk.' },
  /** A lock, a key table or a record of the log of removals. */
  'file-damaged': { kind: 'corrupt', advice: 'Put it back from a copy of the repository, and check the disk.' },
  /** One of the two copies of the config, or both. */
  'config-damaged': {
    kind: 'corrupt',
    advice: 'Mend it while the repository can be opened: sealift repository repair NAME --apply. Check the disk.',
  },
  'chunk-missing': { kind: 'corrupt', advice: 'Run a new backup of the same source, which stores what is missing.' },
  'pack-damaged': { kind: 'corrupt', advice: 'Run a new backup, which stores lost chunks again, and check the disk.' },
  /** A chunk that breaks the limits of a pack record. */
  'chunk-refused': { kind: 'refused', advice: 'The sender breaks the protocol: use the same version on both sides.' },
  'point-missing': { kind: 'refused', advice: 'List the recovery points of the repository and choose one of them.' },
  'point-damaged': { kind: 'corrupt', advice: 'Use another recovery point and check the disk.' },
  /** A different recovery point with this id is there already. */
  'point-exists': { kind: 'refused', advice: 'Start a new run, which makes a recovery point with a new id.' },
  /** A recovery point may not be removed yet. Nobody can shorten a lock. */
  'point-locked': { kind: 'refused', advice: 'Remove it after the lock has ended.' },
  'point-held': { kind: 'refused', advice: 'Release the hold of the recovery point first, if it may go.' },
  /** A lock or hold that cannot be set. */
  'lock-refused': { kind: 'refused', advice: 'Give a time that is later than now and than the lock that stands.' },
  /** What is stored of a lock cannot be read, so the point counts as held. */
  'lock-damaged': {
    kind: 'corrupt',
    advice: 'Check the disk. If the recovery point may be removed, delete the named file by hand and open again.',
  },
  /** The clock of this machine is not to be trusted. */
  'clock-jumped': {
    kind: 'refused',
    advice: 'Set the clock of the target right and keep it so with NTP: locks of recovery points are judged by it.',
  },
  /** A recovery point refers to chunks that the repository does not hold. */
  'point-incomplete': { kind: 'retry', advice: 'Run the job again: it sends what is missing.' },
  /** A recovery point does not fit what was sent with it. */
  'point-refused': { kind: 'refused', advice: 'Run the job again; if it repeats, update both Transporters.' },
  'wrong-zone': { kind: 'refused', advice: 'Run the job with the encryption it was created with.' },
  /** What keys the ids of chunks that were copied from another repository is lost. */
  'zone-unknown': {
    kind: 'corrupt',
    advice: 'Copy one recovery point from that repository again, which brings it back: sealift repository copy.',
  },
  /** A copy brings another dedup secret of a zone than the one under which its chunks stand here. */
  'zone-differs': {
    kind: 'refused',
    advice: 'Find out which target was tampered with. To begin anew, copy to another repository.',
  },
  /** Signature, MAC or checksum of a manifest does not hold. */
  'manifest-forged': { kind: 'corrupt', advice: 'Do not restore from this point before knowing who changed it.' },
  'wrong-run-key': { kind: 'refused', advice: 'Use the encryption password of the job that made this point.' },
  /** It cannot be told what is still needed, so nothing is collected. */
  'collection-blocked': {
    kind: 'corrupt',
    advice:
      'Repair the repository: sealift repository repair NAME --apply. If its report still names the recovery point, copy ' +
      'it back from another repository or remove it. Then collect again.',
  },
  'collection-running': { kind: 'refused', advice: 'Wait until the collection under way has ended.' },
  /** A stored file is not there. */
  'file-missing': { kind: 'corrupt', advice: 'Check whether something else removes files from the repository.' },
  'file-exists': { kind: 'refused', advice: 'Choose another name.' },
  /** The filesystem refuses an operation for a reason with no better code. */
  'storage-error': { kind: 'retry', advice: 'Check the filesystem of the repository and the limits of the process.' },
  /** The address of an object store breaks a rule. */
  'store-address': {
    kind: 'refused',
    advice: 'Write s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION&credentials=NAME; keys belong in a file.',
  },
  /** No answer, an answer cut off, or an error on the side of the object store. */
  'store-unreachable': { kind: 'retry', advice: 'Check the endpoint, the network and the health of the object store.' },
  'store-busy': { kind: 'retry', advice: 'Let fewer jobs run at once, or ask for a higher rate at the object store.' },
  'store-credentials': {
    kind: 'refused',
    advice: 'Check the access key and the secret in the credentials file of this Transporter.',
  },
  'store-refused': {
    kind: 'refused',
    advice:
      'Check that these credentials may list, read, write and delete in the bucket, and that the region is right.',
  },
  'store-untrusted': {
    kind: 'refused',
    advice: 'If the endpoint is the right one, name the authority of its certificate in NODE_EXTRA_CA_CERTS.',
  },
  'bucket-missing': { kind: 'refused', advice: 'Make the bucket first, or correct its name in the address.' },
  /** The clocks of this machine and of the object store differ so much that it takes no requests. */
  'clock-skew': { kind: 'retry', advice: 'Set the clock of this machine by NTP.' },
  /** The object store lacks something a repository needs. */
  'store-unfit': { kind: 'refused', advice: 'Use an object store with conditional writes (If-None-Match) on PUT.' },
  /** Retention forbids to remove it. */
  'object-locked': { kind: 'refused', advice: 'Wait until the lock has run out.' },
});
