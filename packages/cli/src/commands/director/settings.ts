import type { Setting } from '../../config/setting.ts';

/** What can be set about a Director. */
export const DIRECTOR_SETTINGS: Setting[] = [
  { name: 'data', kind: 'text', describe: 'folder of the database, keys and admin token' },
  { name: 'host', kind: 'text', describe: 'address to listen on (0.0.0.0)' },
  { name: 'port', kind: 'number', describe: 'port of the REST API (7420)' },
  { name: 'controlPort', kind: 'number', describe: 'port for Transporters (7421)' },
  { name: 'publicHost', kind: 'text', describe: 'name or address by which Transporters reach it' },
  { name: 'names', kind: 'list', describe: 'further names for its certificate' },
  { name: 'masterKey', kind: 'text', describe: '32 bytes in base64 instead of the file master.key', secret: true },
  { name: 'masterKeyFile', kind: 'text', describe: 'file of the master key (master.key in the data folder)' },
  { name: 'kms', kind: 'text', describe: 'key that wraps secrets: file:, pkcs11:, aws-kms: or vault: (masterKeyFile)' },
  { name: 'previousKms', kind: 'list', describe: 'keys that were used before, for what they have wrapped' },
  { name: 'drillInterval', kind: 'number', describe: 'hours between key drills of each job, 0 for none (24)' },
  { name: 'postQuantumOnly', kind: 'boolean', describe: 'refuse TLS without X25519MLKEM768, on both ports' },
  { name: 'collectInterval', kind: 'number', describe: 'hours between collections of removed data, 0 for none (24)' },
  { name: 'verifyWithin', kind: 'number', describe: 'days within which all of a repository is read, 0 for never (30)' },
  {
    name: 'retentionInterval',
    kind: 'number',
    describe: 'hours between looks at what the rules of jobs remove, beside those after runs, 0 for none (24)',
  },
  { name: 'timeZone', kind: 'text', describe: 'time zone by whose days and weeks jobs are run and kept (UTC)' },
  { name: 'logLevel', kind: 'text', describe: 'fatal, error, warn, info, debug, trace or silent (info)' },
];
