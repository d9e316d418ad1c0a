/** The address of a disk served at a unix socket, as qemu and nbdcopy take it. */
export function nbdUri(socket: string, disk: string): string {
  return `nbd+unix:///${encodeURIComponent(disk)}?socket=${encodeURIComponent(socket)}`;
}
