import { constants } from 'node:fs';
import { checked, cPath, libcFunction } from './libc.ts';

const mkfifo = libcFunction<[Buffer, number]>('int mkfifo(const void *path, uint32 mode)');
const mknod = libcFunction<[Buffer, number, bigint]>('int mknod(const void *path, uint32 mode, uint64 device)');

export function makeFifo(path: Buffer, mode: number): void {
  checked(mkfifo(cPath(path), mode), 'mkfifo', path);
}

export function makeDeviceNode(
  path: Buffer,
  kind: 'character' | 'block',
  mode: number,
  [major, minor]: [number, number],
): void {
  const format = kind === 'block' ? constants.S_IFBLK : constants.S_IFCHR;
  checked(mknod(cPath(path), format | mode, deviceNumber(BigInt(major), BigInt(minor))), 'mknod', path);
}

/** Device numbers are packed as in sys/sysmacros.h: 12 + 20 bits of major, 8 + 24 of minor. */
export function deviceNumber(major: bigint, minor: bigint): bigint {
  return ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
}
