import { type Static, Type } from 'typebox';

const Port = Type.Integer({ minimum: 0, maximum: 65_535 });

/** The configuration of a Director. Ports of 0 are chosen by the system. */
export const DirectorConfigSchema = Type.Object(
  {
    data: Type.String({ minLength: 1, description: 'folder of the database, keys and admin token' }),
    host: Type.String({ description: 'address to listen on' }),
    port: Port,
    controlPort: Port,
    publicHost: Type.Optional(
      Type.String({ minLength: 1, description: 'name or address by which Transporters reach this Director' }),
    ),
    masterKey: Type.Optional(Type.String({ description: '32 bytes in base64, instead of the file master.key' })),
    masterKeyFile: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'master key, made when missing; otherwise master.key in the data folder',
      }),
    ),
    kms: Type.Optional(
      Type.String({ minLength: 1, description: 'key that wraps secrets: file:, pkcs11:, aws-kms: or vault:' }),
    ),
    previousKms: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { maxItems: 8, description: 'keys that were used before' }),
    ),
    drillInterval: Type.Integer({
      minimum: 0,
      maximum: 8760,
      description: 'hours between key drills of a job; 0: none',
    }),
    postQuantumOnly: Type.Optional(
      Type.Boolean({ description: 'refuse TLS without X25519MLKEM768, on both listeners' }),
    ),
    collectInterval: Type.Integer({
      minimum: 0,
      maximum: 8760,
      description: 'hours between collections that give back the space of removed recovery points; 0: none',
    }),
    verifyWithin: Type.Integer({
      minimum: 0,
      maximum: 3650,
      description: 'days within which daily verifications read all of a repository; 0: none',
    }),
    retentionInterval: Type.Integer({
      minimum: 0,
      maximum: 8760,
      description: 'hours between looks at what the rule of a job removes, beside those after its runs; 0: none',
    }),
    timeZone: Type.String({ minLength: 1, description: 'time zone of days, weeks and schedules: Europe/Berlin, UTC' }),
    names: Type.Array(Type.String({ minLength: 1 }), { description: 'further names for the certificate' }),
    logLevel: Type.Union([
      Type.Literal('fatal'),
      Type.Literal('error'),
      Type.Literal('warn'),
      Type.Literal('info'),
      Type.Literal('debug'),
      Type.Literal('trace'),
      Type.Literal('silent'),
    ]),
  },
  { additionalProperties: false },
);
export type DirectorConfig = Static<typeof DirectorConfigSchema>;

/** What holds when nothing else is configured; `data` has no default. */
export const DIRECTOR_DEFAULTS = {
  host: '0.0.0.0',
  port: 7420,
  controlPort: 7421,
  drillInterval: 24,
  collectInterval: 24,
  verifyWithin: 30,
  retentionInterval: 24,
  timeZone: 'UTC',
  names: [],
  logLevel: 'info',
} as const satisfies Omit<DirectorConfig, 'data'>;
