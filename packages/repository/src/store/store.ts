/**
 * Where a repository's files live. Names are '/'-joined and relative to the repository. A published file is immutable,
 * whole and durable; nothing is ever seen half-written under its final name. What is written bit by bit stands under a
 * temporary name until it is published, and is listed by `unfinished` after a crash. Disposing closes what is kept open
 * for reading; the store can be used again after it.
 */
export interface Store extends AsyncDisposable {
  /** For people: a path or an address. */
  readonly location: string;
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
  /** Names of growing files that nobody published, now or before a crash. They can be read. */
  unfinished(): Promise<string[]>;
  /** The removal is durable on return. Removing what is not there succeeds. */
  remove(name: string): Promise<void>;
  /** Creates an empty file at once, not necessarily durable; takes no space worth speaking of. */
  mark(name: string): Promise<void>;
  /** Renews the time of a mark; false if it is gone. */
  renewMark(name: string): Promise<boolean>;
  /** When a mark was made or renewed, ms since 1970; undefined if it is gone. */
  markTime(name: string): Promise<number | undefined>;
  /** Bytes that can still be written. */
  freeBytes(): Promise<number>;
}

/** A file being written. Disposing closes it; unless published or discarded it stays for `unfinished`. */
export interface GrowingFile extends AsyncDisposable {
  /** Name under which it can be read now: the final one as soon as it has it. */
  readonly name: string;
  readonly length: number;
  /** Adds the parts at the end, or fails and leaves `length` as it was. */
  append(parts: Buffer[]): Promise<void>;
  /** Resolves when all that was appended is durable. */
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
