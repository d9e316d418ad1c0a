/**
 * Where a repository's files live. Names are '/'-joined and relative to the repository. A published file is immutable,
 * whole and durable; nothing is ever seen half-written under its final name. What is written bit by bit stands under a
 * temporary name until it is published, and is listed by `unfinished` after a crash. Disposing closes what is kept open
 * for reading; the store can be used again after it.
 */
export interface Store extends AsyncDisposable {
  /** For people: a path or an address. */
  readonly location: string;
  readonly packing: Packing;
  /** Whether several programs may write to one repository side by side: none of them leaves files that grow. */
  readonly manyWriters: boolean;
  /** Exactly `length` bytes. */
  read(name: string, offset: number, length: number): Promise<Buffer<ArrayBuffer>>;
  /** The last bytes of a file, at most `most`, with its whole length. */
  readTail(name: string, most: number): Promise<{ tail: Buffer<ArrayBuffer>; length: number }>;
  /** Names of all files under a folder, in no order. A missing folder is empty. */
  list(folder: string): Promise<string[]>;
  /** Writes a whole file, durable on return. Fails with `file-exists` if the name is taken. */
  publish(name: string, bytes: Buffer): Promise<void>;
  /** Begins a file that grows. */
  grow(name: string): Promise<GrowingFile>;
  /** Names of growing files that nobody published, now or before a crash. Packs among them can be read. */
  unfinished(): Promise<string[]>;
  /** The removal is durable on return. Removing what is not there succeeds. */
  remove(name: string): Promise<void>;
  /** Creates an empty file at once, not necessarily durable; takes no space worth speaking of. */
  mark(name: string): Promise<void>;
  /** Renews the time of a mark; false if it is gone. */
  renewMark(name: string): Promise<boolean>;
  /** How long ago a mark was made or renewed, ms by the clock of the store; undefined if it is gone. */
  markAge(name: string): Promise<number | undefined>;
  /** Whether `retain` can be used. */
  canRetain(): Promise<boolean>;
  /**
   * Has the store itself keep a published file until then, ms since 1970, against whoever asks for its removal. What is
   * retained longer stays so. `remove` fails with `object-locked` before.
   */
  retain(name: string, until: number): Promise<void>;
  /** Bytes that can still be written; undefined where nobody can tell. */
  freeBytes(): Promise<number | undefined>;
}

/** How chunks are gathered into packs so that they become durable soon and few requests are needed. */
export interface Packing {
  /**
   * True: what a growing file synced is durable. False: only what was published is; a growing file stands on this
   * machine, is lost with it, and each group of chunks becomes a pack of its own.
   */
  growsDurably: boolean;
  /** Bytes made durable together when more is coming. */
  group: number;
  /** Bytes of chunks of one session accepted and not yet durable. */
  waiting: number;
  /** A group is written when nothing was added for so long, ms. */
  idle: number;
  /** A group is written at the latest after so long, ms. */
  longestWait: number;
  /** Groups of one session on their way at the same time: in files that grow, one is written while others are synced. */
  parallel: number;
}

/** A file being written. Disposing closes it; unless published or discarded it stays for `unfinished`. */
export interface GrowingFile extends AsyncDisposable {
  /** Name under which it can be read now: the final one as soon as it has it. */
  readonly name: string;
  readonly length: number;
  /** Adds the parts at the end, or fails and leaves `length` as it was. */
  append(parts: Buffer[]): Promise<void>;
  /** Resolves when all that was appended is durable, in a store where files grow durably. */
  sync(): Promise<void>;
  /** Cuts off what stands beyond `length`, such as the rest of a failed append. */
  cutBack(length: number): Promise<void>;
  /**
   * Makes it durable and gives it its final name, in one step that a crash cannot split. If it fails, `name` tells
   * whether the step was taken; it may be called again.
   */
  publish(name: string): Promise<void>;
  discard(): Promise<void>;
}
