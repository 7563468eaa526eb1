/**
 * Commits: one batch at a time, each with its number, until Redis has it as durably as promised. A batch whose
 * answer was lost is sent again under its number, and done once. What it was for is done only by a node that lives
 * for certain, as somebody else may have the sessions that it is about.
 *
 * One that ends a session is done when the mail for it that there was has been told: what comes for the same
 * client id later is a new session's.
 */

import type { AnyWrite } from "../session/cluster_write.ts";
import type { Spreading } from "../store/store.ts";
import { storeError } from "../store/store_error.ts";
import type { Batch } from "./batch.ts";
import { BatchEncoder } from "./batch.ts";
import { answered, callDurably, pause } from "./calls.ts";
import type { Reply } from "./client.ts";
import { textOf } from "./client.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import type { Reader } from "./reader.ts";
import type { Spread } from "./spread.ts";
import { meaningOf, wordsOf } from "./trouble.ts";

/** Milliseconds until a batch that Redis does not take now is sent again. */
const AGAIN = 100;

export class Commits {
  readonly #ground: Ground;
  readonly #link: Link;
  readonly #spread: Spread;
  readonly #reader: Reader;
  readonly #encoder = new BatchEncoder();
  #number = 0;
  /** The commit before. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(ground: Ground, link: Link, spread: Spread, reader: Reader) {
    this.#ground = ground;
    this.#link = link;
    this.#spread = spread;
    this.#reader = reader;
  }

  /** @throws `noRoom` where Redis has no memory left, and at the node's end */
  commit(writes: readonly AnyWrite[]): Promise<void | Spreading> {
    const commit = this.#before.then(() => this.#commit(writes));
    this.#before = commit.catch(() => {});
    return commit;
  }

  async #commit(writes: readonly AnyWrite[]): Promise<void | Spreading> {
    if (writes.length === 0) return await this.#ground.certain();
    if (this.#ground.ended) throw this.#ground.end;
    const batch = this.#encoder.encode(writes);
    const reply = await this.#untilDone(batch);
    const [word, rest] = answered(reply, "commit");
    if (word === "fenced") this.#ground.fenceAsDead(rest);
    else if (word === "lost") {
      this.#ground.fence(
        `Redis has lost batches that it had acknowledged: the last one it knows is ${
          textOf(rest[1])
        } of ${this.#number}`,
      );
    }
    if (word === "fenced" || word === "lost") throw this.#ground.end;
    this.#number += 1;
    this.#ground.counts.postsDropped += Number(textOf(rest[2]));
    for (let i = 0; i < writes.length; i++) {
      const write = writes[i]!;
      if (write.type === "release") this.#ground.mine.delete(write.clientId);
    }
    // The answer may have lain here while the node stood still: others may have its sessions by now.
    if (this.#ground.inDoubt) await this.#ground.certain();
    if (batch.ends) await this.#reader.inboxTold(textOf(rest[3]));
    if (!batch.waits) return;
    const entry = textOf(rest[1]);
    const nodes = rest.slice(4).map(textOf);
    return {
      everywhere: entry === "" ? Promise.resolve() : this.#spread.everywhere(entry, nodes),
    };
  }

  async #untilDone(batch: Batch): Promise<Reply> {
    const { key, node, durability } = this.#ground;
    const args = [
      node,
      String(this.#number + 1),
      batch.highest === 0 ? "" : String(batch.highest),
      batch.waits ? "1" : "",
      batch.lengths,
      batch.bodies,
      batch.records,
      batch.ends ? "1" : "",
    ];
    for (;;) {
      if (this.#ground.ended) throw this.#ground.end;
      try {
        await this.#link.up();
        const [settled] = await callDurably(
          this.#link,
          key,
          [{ name: "commit", args }],
          durability,
          (detail) => this.#ground.reached("commit", detail),
        );
        if (settled!.status === "rejected") throw settled!.reason;
        this.#ground.reached("commit", undefined);
        return settled!.value;
      } catch (error) {
        if (this.#ground.ended) throw this.#ground.end;
        await this.#failed(error);
      }
    }
  }

  /** Returns where it is to be tried again. */
  async #failed(error: unknown): Promise<void> {
    const words = wordsOf(error);
    switch (meaningOf(error)) {
      case "away":
        return; // the link waits between two tries
      case "full":
        this.#ground.reached("commit", undefined);
        throw storeError("noRoom", `Redis has no memory left (maxmemory): ${words}`, error);
      case "later":
        this.#ground.reached("commit", words);
        return await pause(AGAIN);
      default:
        throw storeError("unknown", `Redis failed at a batch: ${words}`, error);
    }
  }
}
