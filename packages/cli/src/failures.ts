import { failuresOf } from '@sealift/core';

/** Failures of the command itself. Those of the Director and the Transporters arrive with their own codes. */
export const fail = failuresOf({
  /** The command line makes no sense. Exit status 2. */
  usage: { kind: 'refused', advice: 'Add --help to the command to see how it is used.' },
  /** A configuration file, variable or flag is unknown or out of range. Exit status 2. */
  configuration: { kind: 'refused', advice: 'Correct the setting; --print-config shows what is in force.' },
  /** No Director is known: never logged in, and no SEALIFT_URL. */
  'not-logged-in': {
    kind: 'refused',
    advice: 'Run `sealift login URL`, or set SEALIFT_URL and SEALIFT_TOKEN (and SEALIFT_CA for its certificate).',
  },
  /** The stored login cannot be understood. */
  'login-damaged': { kind: 'corrupt', advice: 'Run `sealift login URL` again.' },
  /** A secret cannot be asked for: no terminal. */
  'no-terminal': { kind: 'refused', advice: 'Hand it over with --password-file FILE, or on standard input with `-`.' },
  /** A secret is empty, too long, or its two entries differ. */
  'secret-refused': { kind: 'refused', advice: 'Enter it again.' },
  /** Something that cannot be taken back was not confirmed. */
  'not-confirmed': { kind: 'refused', advice: 'If it is meant, add --yes.' },
  /** The user ended it. Exit status 130. */
  interrupted: { kind: 'refused', advice: '' },
  /** A path to protect that is missing or cannot be read. */
  'source-unusable': { kind: 'refused', advice: 'Check the spelling, owner and mode of the path, then start again.' },
  /** Another `sealift up` uses the data directory. */
  'data-in-use': {
    kind: 'refused',
    advice: 'End the other `sealift up`, or choose another place with --data DIR.',
  },
  /** The data directory holds something that is not what `up` writes. */
  'data-unusable': { kind: 'refused', advice: 'Choose another place with --data DIR, or delete that file.' },
  /** One of the three daemons of `up` did not start or ended on its own. */
  'daemon-ended': { kind: 'retry', advice: 'Look at its log for the reason.' },
  /** A backup or restore of `up` did not end well. */
  'run-failed': { kind: 'refused', advice: 'Look at the logs below the data directory for what led to it.' },
  /** A point, job or other thing named on the command line does not exist. */
  'not-found': { kind: 'refused', advice: 'List what there is and check the spelling.' },
});
