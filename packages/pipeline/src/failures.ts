import { failuresOf } from '@sealift/core';

export const fail = failuresOf({
  /** None of the sources of a job could be read at all. */
  'nothing-to-back-up': { kind: 'refused', advice: 'Check the paths of the job on the source machine.' },
  /** A page of the cache at a source is not as it was written; nobody but the cache itself sees this. */
  'cache-damaged': { kind: 'corrupt', advice: 'Run the job again; remove the cache if this happens each time.' },
  /** A worker thread ended on its own. */
  'worker-died': {
    kind: 'bug',
    advice: 'Look for the reason in the log of the Transporter; the run can be started again.',
  },
  /** The peer did something its role does not allow, or out of order. */
  'protocol-violation': { kind: 'refused', advice: 'Make sure both Transporters run the same version of Sealift.' },
  /** The repository asked for is not served by the Transporter that was dialled. */
  'repository-unknown': {
    kind: 'refused',
    advice: 'Run `sealift repository list`, and check that the job names the right one.',
  },
  /** The ticket does not cover what its holder asked for. */
  'not-permitted': { kind: 'refused', advice: 'Start the run through the Director, which issues the right ticket.' },
  /** Chunks referenced by the recovery point are not in the repository. */
  'chunks-missing': {
    kind: 'corrupt',
    advice: 'Run the job again; if this persists, verify the repository before trusting its points.',
  },
  /** A key management service or key file that has wrapped nothing here. */
  'no-wrap': {
    kind: 'refused',
    advice: 'Name the service and key that the Director had as `kms`, or give the password.',
  },
  /** A key file was named that is not there. */
  'key-file-missing': { kind: 'refused', advice: 'Check the path of the key file, or give the password.' },
  /** A recovery point, or something it needs, was not found. */
  'point-unknown': { kind: 'refused', advice: 'Run `sealift point list` to see the recovery points.' },
  /** A path was asked for that the recovery point does not hold. */
  'not-found': { kind: 'refused', advice: 'Look at the folder above it with `sealift point ls`.' },
  /** What is to be served as a disk is a folder, a link or a small file, or there is no disk. */
  'not-a-disk': { kind: 'refused', advice: 'Look for disks in the recovery point with `sealift point ls`.' },
  /** A folder or link was to be downloaded as if it were a file. */
  'not-a-file': { kind: 'refused', advice: 'Download it as tar or zip.' },
  /** More entries than a zip archive is made of here. */
  'archive-too-large': { kind: 'refused', advice: 'Download it as tar, or folder by folder.' },
  /** A dirty bitmap does not name a block that has changed. */
  'changes-missed': {
    kind: 'corrupt',
    advice: 'Run the job again: all is read then. Ask who changed the image behind the back of its machine.',
  },
  /** On a disk that is looked into, a folder is one of those above it. */
  'folder-loop': { kind: 'corrupt', advice: 'Serve the disk with `sealift point serve` and check its filesystem.' },
  'folder-too-large': { kind: 'corrupt', advice: 'Serve the disk with `sealift point serve` and look at it there.' },
  /** The target handed out another recovery point than the one that was asked for, or than the Director recorded. */
  'point-substituted': {
    kind: 'corrupt',
    advice: 'Do not trust this target before knowing why; restore from another copy of the repository.',
  },
  /** A chunk names a format, codec or run that its recovery point does not. */
  'chunk-unreadable': {
    kind: 'corrupt',
    advice: 'If a newer Sealift made this recovery point, restore with that; otherwise verify the repository.',
  },
  /** The pages of a recovery point contradict each other. */
  'tree-damaged': { kind: 'corrupt', advice: 'Verify the repository; an older recovery point may be intact.' },
  /** The peer gave the two sides of the reference list different contents. */
  'references-differ': { kind: 'corrupt', advice: 'Run the job again.' },
  /** A run sent more than its job allows. */
  'quota-exceeded': {
    kind: 'refused',
    advice: 'Find out why the source grew so much; raise the quota of the job if that is right.',
  },
  /** More unacknowledged bytes than the target allowed. */
  'window-exceeded': { kind: 'refused', advice: 'Make sure both Transporters run the same version of Sealift.' },
  /** A password that opens neither the point nor a later one of its domain. */
  'wrong-password': { kind: 'refused', advice: 'Check the password and which password the recovery point names.' },
  /** The password gives another key for a run than the one its recovery point committed to. */
  'run-key-wrong': {
    kind: 'corrupt',
    advice: 'Check that this recovery point belongs to this encryption password.',
  },
  /** Source-side data is to be opened, and no keys came with the task. */
  /** What was given opens no key slot of a repository that is encrypted at rest. */
  'repository-key-missing': {
    kind: 'refused',
    advice: 'Give the password, key file or service of one of its key slots.',
  },
  'keys-missing': { kind: 'refused', advice: 'Supply the encryption password of this recovery point.' },
});
