/** Domain separation: every derivation, MAC and signature of format version 1 starts with `sealift/v1/` and a purpose. */
export function label(purpose: string): Buffer {
  return Buffer.from(`sealift/v1/${purpose}`, 'latin1');
}

const SEPARATOR = Buffer.from([0]);

/** The label followed by one zero byte, for inputs where bytes of any length come behind it. */
export function labelled(purpose: string, ...rest: Uint8Array[]): Buffer {
  return Buffer.concat([label(purpose), SEPARATOR, ...rest]);
}
