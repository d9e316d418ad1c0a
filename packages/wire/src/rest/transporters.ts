import { type Static, Type } from 'typebox';
import { BandwidthChange, closed, Id, Name, Time, TransporterRole } from './fields.ts';

export const TransporterResource = Type.Object({
  id: Id,
  name: Type.String(),
  role: TransporterRole,
  connected: Type.Boolean(),
  version: Type.Optional(Type.String()),
  dataUrl: Type.Optional(Type.String()),
  bandwidth: Type.Optional(Type.String({ description: 'how much its links may carry' })),
  lastSeenAt: Type.Optional(Time),
  enrolledAt: Time,
  certificateExpiresAt: Time,
  revokedAt: Type.Optional(Time),
});
export type TransporterResource = Static<typeof TransporterResource>;

/** What is left out stays as it is. */
export const TransporterChange = closed({ bandwidth: Type.Optional(BandwidthChange) });

export const TokenRequest = closed({ name: Name, role: TransporterRole });

export const TokenResource = Type.Object({
  token: Type.String({ description: 'shown once; it enrols one Transporter of this name and role' }),
  expiresAt: Time,
});
export type TokenResource = Static<typeof TokenResource>;

export const EnrolRequest = closed({
  token: closed({
    id: Type.String({ minLength: 1, maxLength: 64 }),
    secret: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'base64url' }),
  }),
  request: Type.String({ maxLength: 16_384, description: 'certificate request, PEM' }),
  name: Name,
});

export const EnrolmentResource = Type.Object({
  id: Id,
  name: Type.String(),
  role: TransporterRole,
  certificate: Type.String({ description: 'PEM' }),
  authority: Type.String({ description: 'PEM' }),
  controlUrl: Type.String(),
});
export type EnrolmentResource = Static<typeof EnrolmentResource>;
