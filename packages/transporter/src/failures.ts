import { failuresOf } from '@sealift/core';

/** Failures of the Transporter daemon. */
export const fail = failuresOf({
  /** A setting is missing or makes no sense. */
  configuration: { kind: 'refused', advice: 'Correct the setting and start the Transporter again.' },
  /** Two Transporters on one data directory would undo each other's work. */
  'data-in-use': { kind: 'refused', advice: 'Stop the other process, or give this one a data directory of its own.' },
  /** A file of the Transporter's own state cannot be understood. */
  'state-damaged': {
    kind: 'corrupt',
    advice: 'Put the file back from a copy, or move it away and start the Transporter again.',
  },
  /** A job names a command that this machine does not run. */
  'hook-unfit': {
    kind: 'refused',
    advice:
      'Put an executable file of that name into the folder `hooks` of the Transporter; only root and its user may write to either.',
  },
  /** The command before a backup failed or took too long, so nothing was backed up; or the one after it did. */
  'hook-failed': {
    kind: 'refused',
    advice: 'Run the command by hand on that machine, as the user of the Transporter.',
  },
  /** No identity on disk and nothing to get one with. */
  'not-enrolled': {
    kind: 'refused',
    advice:
      'Make a token with `sealift transporter token` and start the Transporter with it and the address of the Director.',
  },
  /** The Director's answer to an enrolment does not fit the request. */
  'enrolment-invalid': {
    kind: 'refused',
    advice: 'Make a new token on the Director this Transporter is meant for, and start again with it.',
  },
  /** The identity on disk belongs to another name or role than the configured one. */
  'identity-mismatch': {
    kind: 'refused',
    advice: 'Use the name and role it was enrolled with, or an empty data directory and a new token.',
  },
  /** The Director could not be reached in the time a task waits for it. */
  'director-away': { kind: 'retry', advice: 'Check that the Director is running and reachable from this machine.' },
  /** A task was cancelled on request. */
  cancelled: { kind: 'refused', advice: 'Start the job again when it is wanted.' },
  /** The Transporter is stopping; the Director dispatches its tasks again. */
  stopping: { kind: 'retry', advice: 'Nothing: the run goes on when the Transporter is back.' },
  /** Encrypted at rest, and nobody gave a key since it was opened here. */
  'repository-locked': { kind: 'retry', advice: 'Unlock it: sealift repository unlock NAME.' },
  'repository-not-encrypted': {
    kind: 'refused',
    advice: 'Only a repository that was made with --encrypt has key slots.',
  },
  /** A sealed slot key that answers no open challenge. */
  'key-answer-late': { kind: 'retry', advice: 'Try again.' },
  /** A task that another role does. */
  'role-unfit': { kind: 'refused', advice: 'Use the same version of Sealift on the Director and its Transporters.' },
  /** More tasks at once than a Transporter takes. */
  'too-many-tasks': { kind: 'retry', advice: 'Wait for some of them to end.' },
  /** The Director has taken the peer's certificate back. */
  'certificate-revoked': {
    kind: 'refused',
    advice: 'If that machine is to be trusted again, enrol it with a new token.',
  },
  /** A ticket that was used before. */
  'ticket-used': { kind: 'refused', advice: 'Ask the Director for a new ticket: each opens one connection.' },
  /** A session used up what its ticket allows. */
  'ticket-exhausted': { kind: 'retry', advice: 'Connect again with a new ticket.' },
  /** A repository this Transporter does not serve. */
  'repository-unknown': { kind: 'refused', advice: 'Create or open the repository on this Transporter first.' },
  /** A repository that is registered but could not be opened. */
  'repository-closed': { kind: 'retry', advice: 'Look at the log of the target Transporter for why it is not open.' },
  /** On a disk that was mounted, or came back after an error, for reading only. */
  'repository-read-only': {
    kind: 'refused',
    advice: 'Check the disk, then make its filesystem writable; the Transporter notices. Restores work meanwhile.',
  },
  /** The path or id is taken by another repository of this Transporter. */
  'repository-conflict': {
    kind: 'refused',
    advice: 'Choose an empty directory, or open the repository that is there.',
  },
});
