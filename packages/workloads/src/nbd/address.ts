/** Where an NBD server listens. */
export type NbdAddress = { path: string } | { host: string; port: number };

/** An export of an NBD server. */
export interface NbdPlace {
  address: NbdAddress;
  exportName: string;
  /** The metadata context that tells what has changed since the disk was read last. */
  changes?: string;
}

/** The address as qemu and libnbd take it. */
export function nbdUri(address: NbdAddress, exportName = ''): string {
  const name = encodeURIComponent(exportName);
  if ('path' in address) return `nbd+unix:///${name}?socket=${encodeURIComponent(address.path)}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `nbd://${host}:${address.port}/${name}`;
}
