import type { TSchema } from 'typebox';

/** One operation of the API. Without `status` it answers 200; `open` needs no bearer token. */
export interface Endpoint {
  method: 'GET' | 'POST';
  path: string;
  tag: string;
  summary: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  response: TSchema;
  status?: 201 | 202;
  open?: true;
}
