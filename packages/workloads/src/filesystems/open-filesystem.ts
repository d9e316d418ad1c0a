import type { DiskSection } from './disk-section.ts';
import { openExt } from './ext/open-ext.ts';
import { openFat } from './fat/open-fat.ts';
import type { InsideFilesystem } from './filesystem.ts';

type Opener = (section: DiskSection) => Promise<InsideFilesystem | undefined>;

const OPENERS: Opener[] = [openExt, openFat];

/**
 * The filesystem that lies in a section; undefined for one of a type that is not read here, or none.
 * @throws Failure `filesystem-damaged`, `filesystem-unreadable`
 */
export async function openFilesystem(section: DiskSection): Promise<InsideFilesystem | undefined> {
  for (const open of OPENERS) {
    const filesystem = await open(section);
    if (filesystem !== undefined) return filesystem;
  }
  return undefined;
}

/** Types that are known by their marks and not read here, for telling. */
export async function guessType(section: DiskSection): Promise<string | undefined> {
  for (const [type, offset, mark] of MARKS) {
    if (offset + mark.length > section.size) continue;
    if ((await section.read(offset, mark.length)).toString('latin1') === mark) return type;
  }
  return undefined;
}

const MARKS: [type: string, offset: number, mark: string][] = [
  ['xfs', 0, 'XFSB'],
  ['ntfs', 3, 'NTFS    '],
  ['btrfs', 0x10040, '_BHRfS_M'],
  ['exfat', 3, 'EXFAT   '],
  ['lvm', 0x218, 'LVM2 001'],
  ['luks', 0, 'LUKS\xba\xbe'],
  ['swap', 4086, 'SWAPSPACE2'],
];
