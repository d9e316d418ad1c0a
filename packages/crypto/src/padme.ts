/**
 * Padmé (PURBs, Nikitin et al. 2019): rounds a length up to one that needs no more mantissa bits than its exponent
 * has digits, so that of a length about log log bits remain visible, at a cost of at most 12 %.
 */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = 31 - Math.clz32(length);
  const mantissaBits = 32 - Math.clz32(exponent);
  const step = 2 ** Math.max(0, exponent - mantissaBits);
  return Math.ceil(length / step) * step;
}
