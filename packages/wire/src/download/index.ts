export { ArchiveFormat } from './format.ts';
export { type DownloadHead, type DownloadPart, downloadContext } from './parts.ts';
export { readDownload } from './read-download.ts';
export { writeDownload } from './write-download.ts';
