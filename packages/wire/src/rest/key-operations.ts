import type { Endpoint } from './endpoint.ts';
import { ById } from './fields.ts';
import { RunResource } from './jobs.ts';
import {
  GivenPassword,
  KmsResource,
  PasswordCheckRequest,
  PasswordCheckResource,
  PasswordResource,
  RecoveryKit,
  RotateRequest,
} from './passwords.ts';
import { PointResource } from './points.ts';

/** Operations on encryption passwords, keys of repositories and the key management service. */
export const KEY_OPERATIONS = {
  getPassword: {
    method: 'GET',
    path: '/api/v1/passwords/:id',
    tag: 'passwords',
    summary: 'Shows one encryption password, never its content',
    params: ById,
    response: PasswordResource,
  },
  checkPassword: {
    method: 'POST',
    path: '/api/v1/passwords/:id/check',
    tag: 'passwords',
    summary: 'Tells whether this is the password, or one before it',
    params: ById,
    body: PasswordCheckRequest,
    response: PasswordCheckResource,
  },
  rotatePassword: {
    method: 'POST',
    path: '/api/v1/passwords/:id/rotate',
    tag: 'passwords',
    summary: 'Replaces a password; after a compromise without a link to the old one',
    params: ById,
    body: RotateRequest,
    response: PasswordResource,
  },
  forgetPassword: {
    method: 'POST',
    path: '/api/v1/passwords/:id/forget',
    tag: 'passwords',
    summary: 'Erases every stored hash of a password, which is asked for from then on',
    params: ById,
    response: PasswordResource,
  },
  getRecoveryKit: {
    method: 'GET',
    path: '/api/v1/passwords/:id/recovery-kit',
    tag: 'passwords',
    summary: 'Gives what is to be printed and kept with a password',
    params: ById,
    response: RecoveryKit,
  },
  getKms: {
    method: 'GET',
    path: '/api/v1/settings/kms',
    tag: 'settings',
    summary: 'Shows the key management service in use and whether it answers',
    response: KmsResource,
  },
  rewrapKeys: {
    method: 'POST',
    path: '/api/v1/settings/kms/rewrap',
    tag: 'settings',
    summary: 'Wraps everything anew that an earlier key management service has wrapped',
    response: KmsResource,
  },
  giveRunPassword: {
    method: 'POST',
    path: '/api/v1/runs/:id/password',
    tag: 'runs',
    summary: 'Gives the encryption password that a run waits for; it is kept in memory until the run ends',
    params: ById,
    body: GivenPassword,
    response: RunResource,
  },
  givePointPassword: {
    method: 'POST',
    path: '/api/v1/points/:id/password',
    tag: 'points',
    summary: 'Gives the encryption password for looking into a point, for a quarter of an hour',
    params: ById,
    body: GivenPassword,
    response: PointResource,
  },
} as const satisfies Record<string, Endpoint>;
