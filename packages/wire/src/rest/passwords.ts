import { type Static, Type } from 'typebox';
import { Counter, closed, Id, Keep, Name, Named, Time } from './fields.ts';

const Secret = Type.String({ minLength: 1, maxLength: 1024 });

/** How hard a password is to guess, estimated when it was set. */
export const Strength = Type.Object({
  score: Type.Integer({ minimum: 0, maximum: 4, description: '0 guessed at once, 4 out of reach' }),
  guessesLog10: Type.Number(),
  warning: Type.String(),
  suggestions: Type.Array(Type.String()),
});
export type Strength = Static<typeof Strength>;

export const PasswordResource = Type.Object({
  id: Id,
  name: Type.String(),
  description: Type.Optional(Type.String()),
  keep: Keep,
  domainId: Id,
  epoch: Type.Integer(),
  /** Passwords this one has had, itself included. */
  epochs: Counter,
  kms: Type.Optional(
    Type.Object({
      provider: Type.String(),
      keyRef: Type.String(),
      inPoints: Type.Boolean({ description: 'whether the wrapped hash goes into recovery points, too' }),
    }),
  ),
  jobs: Type.Array(Named),
  /** Recovery points in domains that were left behind after a compromise: they still open with the former password. */
  leftBehind: Type.Array(Type.Object({ job: Named, points: Counter })),
  createdAt: Time,
  rotatedAt: Type.Optional(Time),
  /** In the answer to the request that set the password. */
  strength: Type.Optional(Strength),
});
export type PasswordResource = Static<typeof PasswordResource>;

export const PasswordRequest = closed({
  name: Name,
  password: Type.String({ minLength: 1, maxLength: 1024, description: 'kept only as a wrapped hash, or not at all' }),
  description: Type.Optional(Type.String({ maxLength: 1024 })),
  keep: Type.Optional(Keep),
  acceptWeak: Type.Optional(Type.Boolean()),
});

export const PasswordCheckRequest = closed({ password: Secret });
export const PasswordCheckResource = Type.Object({
  matches: Type.Boolean(),
  /** Of the password that matches: the present one, or one before it. */
  domainId: Type.Optional(Id),
  epoch: Type.Optional(Type.Integer()),
  current: Type.Optional(Type.Boolean()),
});

export type PasswordCheckResource = Static<typeof PasswordCheckResource>;

export const RotateRequest = closed({
  password: Secret,
  current: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'needed where no hash is kept' })),
  compromised: Type.Optional(Type.Boolean({ description: 'a new domain without a link to the old one' })),
  acceptWeak: Type.Optional(Type.Boolean()),
});

/** For one run, or for looking into one point: kept in memory until the run ends, or for a quarter of an hour. */
export const GivenPassword = closed({ password: Secret });

export const RecoveryKit = Type.Object({
  /** To be printed. */
  text: Type.String(),
  password: Named,
  domainId: Id,
  epoch: Type.Integer(),
  descriptor: Type.String({ description: 'base64' }),
  /** Left behind after a compromise: their points need the password they had. */
  formerDomains: Type.Array(
    Type.Object({
      domainId: Id,
      epoch: Type.Integer(),
      descriptor: Type.String({ description: 'base64' }),
      passwordSetAt: Time,
      points: Counter,
    }),
  ),
  repositories: Type.Array(Type.Object({ name: Type.String(), transporter: Type.String(), path: Type.String() })),
  jobs: Type.Array(Named),
  madeAt: Time,
});
export type RecoveryKit = Static<typeof RecoveryKit>;

/** The service that wraps password hashes, and keys of repositories that are encrypted at rest. */
export const KmsResource = Type.Object({
  provider: Type.String(),
  keyRef: Type.String(),
  state: Type.Union([Type.Literal('ready'), Type.Literal('down')]),
  reason: Type.Optional(Type.String()),
  /** Secrets wrapped by it, and by others that were in use before. */
  wrapped: Type.Object({ current: Counter, other: Counter }),
});
export type KmsResource = Static<typeof KmsResource>;
