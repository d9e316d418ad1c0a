import { FilesystemImage, NoiseImage } from './images.ts';
import { TreeData } from './tree.ts';

/** One thing to protect. */
export interface DataSet {
  /** Of the file or folder. */
  name: string;
  make(path: string): Promise<void>;
  /** Turns it into what is there at the next backup. */
  change(path: string): Promise<void>;
}

export const DATA_SETS = ['image', 'filesystem', 'tree'] as const;
export type DataSetName = (typeof DATA_SETS)[number];

/** @param scale 1: an image of 1 GiB, a tree of 58,000 files and 1.5 GB */
export function dataSet(name: DataSetName, seed: string, scale: number): DataSet {
  const data = { image: NoiseImage, filesystem: FilesystemImage, tree: TreeData }[name];
  const made = new data(seed, scale);
  const file = name === 'tree' ? name : `${name}.img`;
  return { name: file, make: (path) => made.make(path), change: (path) => made.change(path) };
}
