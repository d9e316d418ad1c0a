import { failuresOf } from '@sealift/core';

/** Every failure that the Director reports by itself. */
export const fail = failuresOf({
  /** Two standing copies of the same points. */
  'copy-overlaps': {
    kind: 'refused',
    advice: 'Change that one (sealift copy update), or name other jobs with --job.',
  },
  /** In-flight points would leave encryption at rest. */
  'copy-unseals': {
    kind: 'refused',
    advice:
      'Copy to a repository that is encrypted at rest, name jobs with source-side encryption with --job, or give --unsealed.',
  },
  /** Another Director works on this data folder. */
  'data-in-use': { kind: 'refused', advice: 'Stop the other Director, or give this one a folder of its own.' },
  /** The database was written by a newer version. */
  'database-newer': { kind: 'refused', advice: 'Run the newer version of Sealift that wrote it.' },
  /** The database refuses a statement or the disk below it fails. */
  'database-failed': { kind: 'retry', advice: 'Check free space and the disk below the data folder.' },
  /** A private file can be read by others. */
  'key-exposed': { kind: 'refused', advice: 'chmod 600 the file; if others could read it, replace what it holds.' },
  /** One of two files that belong together is missing. */
  'authority-incomplete': { kind: 'refused', advice: 'Restore ca.key and ca.pem together from a copy of the folder.' },
  /** No bearer token, or not the right one. */
  unauthorized: { kind: 'refused', advice: 'Give the token with `sealift login` or SEALIFT_TOKEN.' },
  /** Too many failed attempts from one address. */
  'too-many-attempts': { kind: 'retry', advice: 'Wait a minute, then try with the right token.' },
  /** The request is not what the API takes. */
  'request-invalid': { kind: 'refused', advice: 'Compare the request with /api/openapi.json.' },
  /** Nothing of that name or id. */
  'not-found': { kind: 'refused', advice: 'List what there is, and check the spelling.' },
  /** A name is in use. */
  'name-taken': { kind: 'refused', advice: 'Choose another name.' },
  /** An Idempotency-Key came back with another request. */
  'idempotency-key-reused': { kind: 'refused', advice: 'Use a new key for each creation.' },
  /** The one-time token does not exist, or its secret is wrong. */
  'token-invalid': { kind: 'refused', advice: 'Copy the whole token, or make a new one.' },
  /** The one-time token was spent before. */
  'token-used': {
    kind: 'refused',
    advice: 'Make a new token. If nobody you know has used it, remove the Transporter it enrolled.',
  },
  /** The one-time token is too old. */
  'token-expired': { kind: 'refused', advice: 'Make a new token and use it within the hour.' },
  /** The one-time token is for another name. */
  'token-misdirected': { kind: 'refused', advice: 'Enrol under the name that the token was made for.' },
  /** A Transporter's role does not allow what is asked of it. */
  'role-unfit': { kind: 'refused', advice: 'Choose a Transporter of the fitting role.' },
  /** A Transporter is not connected now. */
  'transporter-away': { kind: 'retry', advice: 'Start the Transporter, or wait until it is connected.' },
  /** The certificates of a Transporter were taken back. */
  'transporter-revoked': {
    kind: 'refused',
    advice: 'If it is to be trusted again: sealift transporter token NAME, and enrol it anew.',
  },
  /** Something still depends on a Transporter that is to be removed. */
  'transporter-needed': { kind: 'refused', advice: 'Revoke it instead: it keeps its name, and is shut out.' },
  /** A control connection from a Transporter that is not, or no longer, a member. */
  'transporter-unknown': { kind: 'refused', advice: 'Enrol the Transporter again.' },
  /** A Transporter speaks of a task that is not its own or has ended. */
  'task-unknown': { kind: 'refused', advice: 'Nothing to do: the run has ended or was given to another Transporter.' },
  /** The job's encryption mode and password do not fit together. */
  'password-mismatch': {
    kind: 'refused',
    advice: 'Name a password with source-side encryption, and none with in-flight encryption.',
  },
  /** A password that is easily guessed. */
  'password-weak': {
    kind: 'refused',
    advice: 'Use five or more random words, or insist on it with --accept-weak (acceptWeak).',
  },
  /** A password was given that is not the one it is said to be. */
  'wrong-password': { kind: 'refused', advice: 'Check the spelling; `sealift password check` tells former ones too.' },
  /** No hash is kept and no password was given. */
  'password-needed': {
    kind: 'refused',
    advice: 'Give the password: `sealift run password RUN`, or --password-file with the command.',
  },
  /** Two changes at the same time. */
  'password-changed': { kind: 'refused', advice: 'Look at it again, then change it if that is still wanted.' },
  /** A stored secret was wrapped by a service or key that is not configured. */
  'kms-key-unknown': {
    kind: 'refused',
    advice: 'Name that service or key under `previousKms` in the configuration of the Director.',
  },
  /** A Transporter asks for what its task does not cover. */
  'not-permitted': { kind: 'refused', advice: 'Find out why this Transporter asks for it; revoke it if in doubt.' },
  /** The job has a run that waits already. */
  'run-queued': { kind: 'refused', advice: 'Wait for that run, or cancel it.' },
  /** More limits of the bandwidth than Transporters take. */
  'too-many-limits': { kind: 'refused', advice: 'Limit the Transporters instead of each job.' },
  /** A job is in use. */
  'job-busy': { kind: 'refused', advice: 'Wait for the end of its runs, or cancel them: sealift run list --job JOB' },
  /** A job of which only the points are left. */
  'job-removed': {
    kind: 'refused',
    advice: 'Make a new job: sealift job create. The points of this one can be restored.',
  },
  /** A job that only stands for one of another Director. */
  'job-adopted': { kind: 'refused', advice: 'Make a job of its own: sealift job create.' },
  /** A repository is recorded here already, under another name or place. */
  'repository-known': { kind: 'refused', advice: 'Adopt it again with the name, Transporter and path it has here.' },
  /** A point was made under an authority that nobody vouched for. */
  'authority-unknown': {
    kind: 'refused',
    advice: 'Give the ca.pem of the Director that made it: sealift repository adopt … --authority FILE.',
  },
  /** What a target says of a point contradicts itself. */
  'point-inconsistent': { kind: 'refused', advice: 'Do not trust this point: verify the repository and its target.' },
  /** The run has ended. */
  'run-ended': { kind: 'refused', advice: 'Nothing is left to cancel.' },
  /** A configured time zone is not one. */
  'time-zone-unknown': { kind: 'refused', advice: 'Name one of the IANA database: Europe/Berlin, UTC.' },
  /** A schedule that is no cron expression of five fields, or never due. */
  'schedule-invalid': {
    kind: 'refused',
    advice: 'Give minute, hour, day of the month, month and day of the week: 30 2 * * 1-5',
  },
  /** A run was begun again too often. */
  'run-abandoned': { kind: 'refused', advice: 'Read the log of the Transporter, mend the cause, run the job again.' },
  'ambiguous-name': { kind: 'refused', advice: 'Name it by its id.' },
  'repository-not-encrypted': {
    kind: 'refused',
    advice: 'Only a repository that was made with --encrypt has key slots.',
  },
  /** Nothing that is kept or was given opens a locked repository. */
  'repository-key-missing': {
    kind: 'refused',
    advice: 'Give the password or key file of one of its slots: sealift repository unlock NAME.',
  },
  /** A target speaks of another repository than it was asked about. */
  'answer-unfit': {
    kind: 'refused',
    advice: 'Look at the log of that Transporter; revoke it if it may be in the hands of somebody else.',
  },
  /** What is in a folder is not the repository that was to be made there. */
  'repository-conflict': {
    kind: 'refused',
    advice: 'Name another path, or take it over: sealift repository adopt.',
  },
  /** A recovery point is only history. */
  'point-removed': { kind: 'refused', advice: 'Choose another recovery point: `sealift point list`.' },
  /** A recovery point that is being restored is not removed. */
  'point-in-use': { kind: 'retry', advice: 'Wait for the end of the restore, or cancel it.' },
  /** A rule that would leave hardly anything, and nobody said that this is meant. */
  'retention-unconfirmed': {
    kind: 'refused',
    advice: 'Look at what would go with `sealift job retention JOB --keep RULE`; insist on it with --yes (confirm).',
  },
  /** A repository is not open at its target yet. */
  'repository-closed': { kind: 'retry', advice: 'Wait until its target Transporter has opened it.' },
});
