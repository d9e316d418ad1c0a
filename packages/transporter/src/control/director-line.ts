import type { MethodOf, Params, Result } from '@sealift/wire';

/** What tasks need of the connection to the Director, which comes and goes under them. */
export interface DirectorLine {
  readonly connected: boolean;
  /** Waits a while for the Director when it is away; fails with kind `retry` when it stays away. */
  call<M extends MethodOf<'transporter'>>(method: M, params: Params<M>, signal: AbortSignal): Promise<Result<M>>;
  /** Dropped when the Director is away. */
  notify<M extends MethodOf<'transporter'>>(method: M, params: Params<M>): void;
}
