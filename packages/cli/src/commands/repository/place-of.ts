import { fail } from '../../failures.ts';

export interface PlaceOptions {
  path?: string;
  s3?: string;
}

/** Where a repository is, or is to be: a folder at its target, or an address of object storage. */
export function placeOf(command: string, { path, s3 }: PlaceOptions): string {
  const [place, ...more] = [path, s3].filter((given) => given !== undefined);
  if (place === undefined || more.length > 0) {
    throw fail('usage', `repository ${command} needs --path DIR or --s3 ADDRESS`);
  }
  if (s3 !== undefined && !s3.startsWith('s3://')) throw fail('usage', `--s3 must begin with s3://`);
  return place;
}
