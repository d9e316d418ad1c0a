/** A time in ms as the API shows it. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
