/** Which one is meant: the copy in this repository, or the original. */
export function placeQuery(from: string | undefined): { from?: string } {
  return from === undefined ? {} : { from };
}
