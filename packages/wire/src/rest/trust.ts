import { type Static, Type } from 'typebox';
import { Bytes, Counter, FailureResource, Id, Named, Time } from './fields.ts';

/** What one component of an installation can read during and after a run of a job, and what taking it over would give. */
export const ExplainedComponent = Type.Object({
  component: Type.String({ description: 'source, network, target, repository, director, kms, restoring Transporter' }),
  name: Type.Optional(Type.String()),
  plaintext: Type.Union([Type.Literal('never'), Type.Literal('during the run'), Type.Literal('always')]),
  why: Type.String(),
  keys: Type.Array(Type.Object({ key: Type.String(), from: Type.String(), until: Type.String() })),
  thief: Type.String({ description: 'what somebody who takes it over would get' }),
});

export const ExplanationResource = Type.Object({
  version: Type.Literal(1),
  job: Named,
  encryption: Type.String(),
  atRest: Type.String(),
  summary: Type.String(),
  components: Type.Array(ExplainedComponent),
  /** How long points are kept, and what stands in the way of removing them. */
  retention: Type.Optional(Type.String()),
});
export type ExplanationResource = Static<typeof ExplanationResource>;

/** One way in which a recovery point was opened, or was not. */
export const DrillResource = Type.Object({
  job: Named,
  point: Id,
  way: Type.Union([Type.Literal('hash'), Type.Literal('kms'), Type.Literal('password'), Type.Literal('repository')]),
  passed: Type.Boolean(),
  at: Time,
  files: Counter,
  bytes: Bytes,
  failure: Type.Optional(FailureResource),
});
export type DrillResource = Static<typeof DrillResource>;

/** Something that somebody should look at. */
export const Alarm = Type.Object({
  code: Type.String({
    description:
      'key-drill-failed, chain-broken, points-differ, point-missing, point-runs-differ, kms-down, kms-key-unknown, ' +
      'transporter-revoked, repository-damaged, ransomware-suspected, or what a target found',
  }),
  message: Type.String(),
  advice: Type.String(),
  job: Type.Optional(Named),
  repository: Type.Optional(Named),
  point: Type.Optional(Id),
  transporter: Type.Optional(Named),
});
export type Alarm = Static<typeof Alarm>;
