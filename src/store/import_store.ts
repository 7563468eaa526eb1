/**
 * Lines of the export format (`json_lines.ts`) into an empty store. Every line is checked; what comes
 * before a wrong one may have been committed by then, so whoever calls this throws such a store away.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Message } from "../session/message.ts";
import { messageSize, NO_MESSAGE } from "../session/message.ts";
import type { Write } from "../session/write.ts";
import type { Line } from "./json_lines.ts";
import { readHeader, readLine } from "./json_lines.ts";
import type { Store } from "./store.ts";

/** Bytes of messages in one commit, about. */
const MOST_BYTES = 4 << 20;
/** Characters of a line: a payload may have 256 MiB. */
export const LONGEST_LINE = 400 << 20;

/**
 * Puts what the lines say into a store, each commit all or nothing.
 *
 * @returns the number of records
 * @throws an Error that names the line, or a StoreError
 */
export async function importLines(lines: AsyncIterable<string>, store: Store): Promise<number> {
  const importing = new Importing(store);
  let number = 0;
  for await (const text of lines) {
    number += 1;
    try {
      if (number === 1) readHeader(text);
      else importing.take(readLine(text), number - 2);
    } catch (error) {
      throw new Error(`line ${number}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    if (importing.full) await importing.commit();
  }
  if (number === 0) throw new Error("line 1: found nothing, expected the header of an export");
  if (!importing.ended) {
    throw new Error(`line ${number + 1}: found nothing, expected "end": the file is cut off`);
  }
  await importing.commit();
  return number - 2;
}

class Importing {
  readonly #store: Store;
  readonly #most: number;
  readonly #sessions = new Set<ClientId>();
  #writes: Write[] = [];
  #bytes = 0;
  #lastQueued: Message | undefined;
  /** The highest order of any message so far. */
  #highest = 0;
  #ordered = false;
  ended = false;

  constructor(store: Store) {
    this.#store = store;
    this.#most = Math.min(store.limits.writes, 1_000);
  }

  /** What was taken should be committed before more is. */
  get full(): boolean {
    return this.#writes.length >= this.#most || this.#bytes >= MOST_BYTES;
  }

  /** @param before how many records came before it */
  take(line: Line, before: number): void {
    if (this.ended) throw new Error('found a line behind "end", expected none');
    if (this.#ordered && line.type !== "end") {
      throw new Error(`found ${line.type} behind "order", expected "end"`);
    }
    switch (line.type) {
      case "end":
        if (!this.#ordered) throw new Error('found "end", expected "order" before it');
        if (line.records !== before) {
          throw new Error(
            `end.records: found ${line.records}, expected ${before}: lines are missing`,
          );
        }
        this.ended = true;
        return;
      case "order":
        this.#ordered = true;
        return this.#raise(line.highest);
      case "putSession":
        if (this.#sessions.has(line.clientId)) {
          throw new Error(`the session of ${JSON.stringify(line.clientId)} comes twice`);
        }
        this.#sessions.add(line.clientId);
        this.#writes.push(line);
        return;
      case "putSetting":
        this.#bytes += line.value.length;
        this.#writes.push(line);
        return;
      case "putRetained":
      case "putDelayed":
        this.#count(line.message);
        this.#writes.push(line);
        return;
      case "putWill":
        this.#bytes += line.will.packet.payload.length;
        this.#writes.push(line);
        return;
    }
    if (!this.#sessions.has(line.clientId)) {
      throw new Error(`${line.type}: the session of ${JSON.stringify(line.clientId)} is not there`);
    }
    if (line.type === "putInflight") {
      const { awaiting, delivery } = line.inflight;
      if ((delivery === undefined) !== (awaiting === "pubcomp")) {
        throw new Error(
          `inflight: awaiting "${awaiting}" ${delivery ? "with" : "without"} a message`,
        );
      }
      if (delivery !== undefined) this.#count(delivery.message);
    }
    if (line.type !== "putQueued") {
      this.#writes.push(line);
      return;
    }
    const { type, clientId, delivery } = line;
    const message = typeof delivery.message === "number" ? this.#lastQueued : delivery.message;
    if (
      message === undefined || (message !== delivery.message && message.order !== delivery.message)
    ) {
      throw new Error(
        `putQueued.delivery.message: found ${delivery.message}, expected a message, or the order of ` +
          `the one before, ${message?.order ?? "which there is not"}`,
      );
    }
    this.#lastQueued = message;
    this.#count(message);
    this.#writes.push({ type, clientId, delivery: { ...delivery, message } });
  }

  async commit(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    this.#bytes = 0;
    if (writes.length > 0) await this.#store.commit(writes);
  }

  #count(message: Message): void {
    this.#bytes += messageSize(message);
    if (message.order > this.#highest) this.#highest = message.order;
  }

  /** No later message has an order up to this: as if one with it had been put and taken away again. */
  #raise(highest: number): void {
    if (highest < this.#highest) {
      throw new Error(`order.highest: found ${highest}, expected at least ${this.#highest}`);
    }
    if (highest === this.#highest) return;
    const message = { ...NO_MESSAGE, order: highest, topic: "none" };
    this.#writes.push({ type: "putDelayed", message, publishAt: Infinity });
    this.#writes.push({ type: "deleteDelayed", order: highest });
  }
}
