import { type LinkToPoint, type OpenPoint, openPoint, type PointOptions, withRestoreSession } from '../restore.ts';

export type LookOptions = PointOptions & LinkToPoint;

/** Opens a point over a link of its own for as long as `work` takes. Damage of its tree ends the look. */
export function lookInto<T>(
  options: LookOptions,
  signal: AbortSignal,
  work: (point: OpenPoint) => Promise<T>,
): Promise<T> {
  return withRestoreSession(options, undefined, signal, async (source) =>
    work(
      await openPoint(source, options, (failure) => {
        throw failure;
      }),
    ),
  );
}
