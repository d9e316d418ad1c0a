import { Type } from 'typebox';
import { BlockDeviceFields } from '../control/machine-methods.ts';
import type { Endpoint } from './endpoint.ts';
import { ById } from './fields.ts';

/** Looking at the machine that a Transporter runs on. */
export const MACHINE_OPERATIONS = {
  getDisks: {
    method: 'GET',
    path: '/api/v1/transporters/:id/disks',
    tag: 'transporters',
    summary:
      'Tells which disks, partitions and filesystems the machine of a source or an agent has; it must be connected',
    params: ById,
    response: Type.Object({
      devices: Type.Array(Type.Object(BlockDeviceFields.properties)),
      notes: Type.Array(Type.String(), { description: 'what could not be found out, and why' }),
    }),
  },
} as const satisfies Record<string, Endpoint>;
