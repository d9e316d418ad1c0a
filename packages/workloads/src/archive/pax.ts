/** One record of an extended header (POSIX.1-2001): `LENGTH KEY=VALUE\n`, the length counting itself. */
export function paxRecord(key: string | Buffer, value: string | Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.from(' '),
    Buffer.from(key),
    Buffer.from('='),
    Buffer.from(value),
    Buffer.from('\n'),
  ]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

/** Seconds since 1970 with as many decimals as it takes. */
export function paxTime(ns: bigint): string {
  const seconds = ns / 1_000_000_000n;
  const rest = ns % 1_000_000_000n;
  if (rest === 0n) return String(seconds);
  const sign = ns < 0n ? '-' : '';
  const magnitude = (value: bigint) => (value < 0n ? -value : value);
  return `${sign}${magnitude(seconds)}.${String(magnitude(rest)).padStart(9, '0').replace(/0+$/, '')}`;
}
