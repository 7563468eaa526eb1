/**
 * The lines of a stream as they come, kept, and waited for: what a program under test says.
 */

import { PATIENCE, within } from "./within.ts";

export class Lines {
  /** Everything so far. */
  readonly all: string[] = [];
  /** Resolves at the end of the stream. */
  readonly ended: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #over = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  /** The first line from line `from` on that `wanted` is true of, which may be there already. */
  find(
    wanted: (line: string) => boolean,
    what: string,
    { from = 0, patience = PATIENCE } = {},
  ): Promise<string> {
    const found = Promise.withResolvers<string>();
    let next = from;
    const look = () => {
      for (; next < this.all.length; next++) {
        if (!wanted(this.all[next]!)) continue;
        this.#waiting.delete(look);
        return found.resolve(this.all[next]!);
      }
      if (this.#over) found.reject(new Error(`the stream ended before ${what}:\n${this.#text()}`));
    };
    this.#waiting.add(look);
    look();
    return within(found.promise, () => `${what}; there was:\n${this.#text()}`, patience)
      .finally(() => this.#waiting.delete(look));
  }

  /** All lines, as soon as there are that many. */
  async count(count: number, what: string): Promise<readonly string[]> {
    if (count > 0) await this.find(() => this.all.length >= count, `${count} lines of ${what}`);
    return this.all;
  }

  #text(): string {
    return this.all.slice(-40).join("\n");
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.all.push(...lines);
      for (const look of [...this.#waiting]) look();
    }
    if (rest !== "") this.all.push(rest);
    this.#over = true;
    for (const look of [...this.#waiting]) look();
  }
}
