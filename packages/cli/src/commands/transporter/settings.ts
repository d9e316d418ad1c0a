import type { Setting } from '../../config/setting.ts';

/** What can be set about a Transporter. */
export const TRANSPORTER_SETTINGS: Setting[] = [
  { name: 'name', kind: 'text', describe: 'its name, as given to `transporter token`' },
  { name: 'role', kind: 'text', describe: 'source, target or agent' },
  { name: 'data', kind: 'text', describe: 'folder for its identity and state' },
  { name: 'directorUrl', kind: 'text', describe: 'REST address of the Director, for enrolment' },
  { name: 'controlUrl', kind: 'text', describe: 'wss:// control address, when it is no longer the one of enrolment' },
  { name: 'enrolmentToken', kind: 'text', describe: 'one-time token', secret: true },
  { name: 'enrolmentTokenFile', kind: 'text', describe: 'file with the one-time token' },
  { name: 'dataHost', kind: 'text', describe: 'target: address it listens on for sources' },
  { name: 'dataPort', kind: 'number', describe: 'target: port it listens on for sources (7422)' },
  { name: 'publicUrl', kind: 'text', describe: 'target: wss:// address that sources are told to dial' },
  {
    name: 's3Credentials',
    kind: 'text',
    describe: 'target: file with keys for S3 (s3-credentials in its data folder)',
  },
  {
    name: 'kms',
    kind: 'text',
    describe: 'target: key that unlocks repositories encrypted by it: pkcs11:, aws-kms:, vault:, file:',
  },
  { name: 'healthHost', kind: 'text', describe: 'address of /healthz, /readyz and /metrics (127.0.0.1)' },
  { name: 'healthPort', kind: 'number', describe: 'port of the same (target 7423, source 7424)' },
  { name: 'workers', kind: 'number', describe: 'worker threads (number of cores)' },
  {
    name: 'indexMemory',
    kind: 'number',
    describe: 'target: MiB of memory for indexes, the rest goes to disk (a quarter)',
  },
  { name: 'maxLinks', kind: 'number', describe: 'target: links it takes at once (256)' },
  { name: 'maxLinksPerPeer', kind: 'number', describe: 'target: links it takes at once from one source (32)' },
  { name: 'postQuantumOnly', kind: 'boolean', describe: 'refuse TLS without X25519MLKEM768, dialling and dialled' },
  { name: 'logLevel', kind: 'text', describe: 'trace, debug, info, warn, error or silent (info)' },
];
