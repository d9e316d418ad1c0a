import { extname } from 'node:path';

/** How a disk image stores its disk. Raw ones are read as they are. */
export type ImageFormat = 'qcow2' | 'vmdk' | 'vhdx';

const FORMATS: Record<string, ImageFormat> = { '.qcow2': 'qcow2', '.vmdk': 'vmdk', '.vhdx': 'vhdx' };

/**
 * By the name, never by the content: whoever writes to a raw disk could give it the header of another format, which
 * names any file of the host as its backing file.
 */
export function imageFormat(path: Buffer): ImageFormat | undefined {
  return FORMATS[extname(path.toString('latin1')).toLowerCase()];
}

/** The name of a raw image with the disk of an image that has this name. */
export function rawImageName(name: Buffer): Buffer {
  const stem = name.subarray(0, name.length - extname(name.toString('latin1')).length);
  return Buffer.concat([stem, Buffer.from('.raw')]);
}
