/** Device numbers are packed as in sys/sysmacros.h: 12 + 20 bits of major, 8 + 24 of minor. */
export function deviceNumber(major: bigint, minor: bigint): bigint {
  return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
}
