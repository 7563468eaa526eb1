/**
 * A file whose meaning is kept in memory: it is looked at every so often, and where it has changed it is
 * read again. One that cannot be read or makes no sense leaves what was known, and is told of once.
 *
 * Looked at rather than waited for: it works over every file system, and for a file that is replaced by
 * another of its name, which is how it should be changed.
 */

import { nodeCrypto } from "./node_crypto.ts";

/** How a file is turned into a value. */
export interface WatchedOptions<Value> {
  readonly path: string;
  /** Throws an Error whose message says what is wrong, on a line for each thing. */
  parse(text: string): Value;
  /** Bytes of a file that is read at all. */
  readonly largest: number;
  /** Milliseconds between looks. */
  readonly interval: number;
  /** Told of each change that was taken over, or what is wrong with it. */
  changed(value: Value): void;
  failed(reason: string): void;
}

/** Milliseconds: within one, a file may change twice and look the same. */
const SETTLED = 2_000;

export class WatchedFile<Value> {
  readonly #options: WatchedOptions<Value>;
  #value: Value;
  #seen: string;
  /** Of what was read last, whether it made sense or not. */
  #digest: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Reads the file. Throws where it cannot be read or is wrong, as then there is nothing to go on with. */
  constructor(options: WatchedOptions<Value>) {
    this.#options = options;
    const { path, largest } = options;
    const info = Deno.statSync(path);
    this.#seen = lookOf(info);
    if (info.size > largest) throw new Error(tooLarge(path, info.size, largest));
    const text = Deno.readTextFileSync(path);
    this.#digest = digestOf(text);
    this.#value = options.parse(text);
    this.#arm();
  }

  /** What the file said when it last made sense. */
  get value(): Value {
    return this.#value;
  }

  /** Looks at it no more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Looks now, and reads the file where it has changed. Does not reject. */
  async look(): Promise<void> {
    const options = this.#options;
    const { path, largest } = options;
    let look = "missing";
    try {
      const info = await Deno.stat(path);
      look = lookOf(info);
      if (look === this.#seen) return;
      if (info.size > largest) throw new Error(tooLarge(path, info.size, largest));
      const text = await Deno.readTextFile(path);
      if (this.#closed) return;
      const digest = digestOf(text);
      const same = digest === this.#digest;
      this.#digest = digest;
      if (same) {
        this.#seen = look;
        return;
      }
      const value = options.parse(text);
      this.#seen = look;
      this.#value = value;
      options.changed(value);
    } catch (error) {
      if (this.#closed || look === this.#seen) return; // told of already
      this.#seen = look;
      options.failed(error instanceof Error ? error.message : String(error));
    }
  }

  #arm(): void {
    this.#timer = setTimeout(async () => {
      await this.look();
      if (!this.#closed) this.#arm();
    }, this.#options.interval);
    Deno.unrefTimer(this.#timer);
  }
}

function digestOf(text: string): string {
  return nodeCrypto().createHash("sha256").update(text).digest("base64");
}

/** The same for files that are the same, as far as can be told without reading them. */
function lookOf({ mtime, ctime, size, ino }: Deno.FileInfo): string {
  const changedAt = Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
  // One that has just been written is read once more when it has come to rest.
  const settled = Date.now() - changedAt >= SETTLED;
  return `${changedAt} ${size} ${ino} ${settled}`;
}

function tooLarge(path: string, size: number, largest: number): string {
  return `${path}: found ${size} bytes; allowed are ${largest}`;
}
