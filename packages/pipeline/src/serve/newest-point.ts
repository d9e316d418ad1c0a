import type { PointRecord } from '@sealift/repository';

/** The last point of a chain: sequence numbers grow by one from point to point. */
export function newestOf(points: PointRecord[]): PointRecord | undefined {
  return points.reduce<PointRecord | undefined>(
    (newest, point) => (newest === undefined || point.sequence > newest.sequence ? point : newest),
    undefined,
  );
}
