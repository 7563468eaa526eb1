/**
 * Takes over what a dead node had: its sessions a few at a time, what shared subscriptions had there, and last
 * the word that this was all.
 */

import type { NodeId } from "../policy/identity.ts";
import { answered, callDurably, callWhenUp, pause } from "./calls.ts";
import type { Claims } from "./claims.ts";
import { bytesOf, listOf, textOf } from "./client.ts";
import { decodeDelayed } from "../store/record.ts";
import type { Ground } from "./ground.ts";
import type { Link } from "./link.ts";
import { readInboxEntry } from "./note.ts";
import type { Marked, Reader } from "./reader.ts";
import { readDeliveries, readStored } from "./stored.ts";
import { meaningOf, wordsOf } from "./trouble.ts";

/** Sessions of one turn, and messages of each that are read whole. */
const SESSIONS = 64, MESSAGES = 32;
/** Messages of groups in one turn. */
const SHARES = 256;
/** Milliseconds until what Redis does not take now is asked again. */
const AGAIN = 200;

export class Burial {
  readonly #ground: Ground;
  readonly #link: Link;
  readonly #reader: Reader;
  readonly #claims: Claims;
  /** Under way, or told of all. */
  readonly #dead = new Set<NodeId>();

  constructor(ground: Ground, link: Link, reader: Reader, claims: Claims) {
    this.#ground = ground;
    this.#link = link;
    this.#reader = reader;
    this.#claims = claims;
  }

  /** These are to be buried here; some of them may be just now. */
  bury(dead: readonly NodeId[]): void {
    if (this.#ground.listener === undefined) return;
    for (const node of dead) {
      if (this.#dead.has(node)) continue;
      this.#dead.add(node);
      void this.#bury(node);
    }
  }

  async #bury(dead: NodeId): Promise<void> {
    const all = new Set<string>();
    try {
      let told: readonly string[] = [];
      for (;;) {
        const adopted = await this.#adopt(dead, told);
        if (adopted === undefined) return void this.#dead.delete(dead);
        for (const clientId of adopted) all.add(clientId);
        told = adopted;
        if (adopted.length === 0) break;
      }
      await this.#delayed(dead);
      await this.#shares(dead);
      await this.#groups(dead);
      if (this.#ground.ended) return;
      this.#ground.listener!.feed({ type: "buried", node: dead });
      this.#ground.listener!.endTurn();
    } catch (error) {
      if (this.#ground.ended) return;
      const fields = { node: dead, why: wordsOf(error) };
      this.#ground.notice({ level: "error", message: "a node cannot be buried", fields });
      this.#dead.delete(dead); // the next beat tries again
    } finally {
      this.#claims.buried(all);
    }
  }

  /** The next sessions, told; undefined: somebody else buries it. */
  async #adopt(dead: NodeId, told: readonly string[]): Promise<readonly string[] | undefined> {
    const { key, node, durability } = this.#ground;
    for (;;) {
      if (this.#ground.ended) throw this.#ground.end;
      const mark = this.#claims.mark();
      const { promise, resolve } = Promise.withResolvers<Marked | undefined>();
      this.#reader.expect(mark, promise);
      try {
        await this.#link.up();
        const args = [node, dead, String(SESSIONS), String(MESSAGES), mark, ...told];
        const calls = [{ name: "adopt" as const, args }];
        const [settled] = await callDurably(this.#link, key, calls, durability, (detail) => {
          this.#ground.reached("burial", detail);
        });
        this.#ground.reached("burial", undefined);
        if (settled!.status === "rejected") throw settled!.reason;
        const [word, rest] = answered(settled!.value, "adopt");
        if (word !== "adopted") {
          resolve(undefined);
          return undefined;
        }
        const sessions = listOf(rest[3]).map((each) => {
          const [clientId, will, stored] = listOf(each);
          return { clientId: textOf(clientId), ...readStored(stored!, bytesOf(will)) };
        });
        const { promise: done, resolve: tellDone } = Promise.withResolvers<void>();
        const tell = () => {
          for (const { clientId, stored } of sessions) {
            if (this.#ground.mine.has(clientId)) continue;
            this.#claims.adopted(clientId);
            this.#ground.listener!.feed({ type: "adopted", clientId, stored });
          }
          tellDone();
        };
        resolve({ log: textOf(rest[1]), tell });
        this.#ground.onEnd(tellDone);
        await done;
        return sessions.map(({ clientId }) => clientId);
      } catch (error) {
        resolve(undefined);
        this.#ground.reached("burial", undefined); // the lease tells that Redis is away
        const meaning = meaningOf(error);
        if (meaning !== "away" && meaning !== "later") throw error;
        if (meaning === "later") await pause(AGAIN);
      }
    }
  }

  /** Its delayed messages: what was told of is this node's own with the next call. */
  async #delayed(dead: NodeId): Promise<void> {
    const { key, node } = this.#ground;
    let told: readonly string[] = [];
    for (;;) {
      const args = [node, dead, ...told];
      const reply = await callWhenUp(this.#link, "inherit", key, args);
      const [word, rest] = answered(reply, "inherit");
      const values = word === "inherited" ? listOf(rest[1]) : [];
      if (values.length === 0 || this.#ground.ended) return;
      const delayed = values.map((value) => decodeDelayed(bytesOf(value)));
      const writes = delayed.map((each) => ({ type: "putDelayed", ...each }) as const);
      this.#ground.listener!.feed({ type: "replicated", from: dead, writes });
      this.#ground.listener!.endTurn();
      told = delayed.map(({ message }) => String(message.order));
    }
  }

  /** What was in its inbox for members of groups. */
  async #shares(dead: NodeId): Promise<void> {
    const { key, listener } = this.#ground;
    for (let from = "0-0";;) {
      const args = [dead, from, String(SHARES)];
      const entries = listOf(await callWhenUp(this.#link, "shares", key, args));
      if (this.#ground.ended || entries.length === 0) return;
      for (const each of entries) {
        const [id, fields] = listOf(each);
        from = textOf(id);
        const { items, skipped } = readInboxEntry(bytesOf(listOf(fields)[1]));
        this.#ground.skipped(skipped);
        for (const item of items) {
          if (item.type !== "shared") continue;
          listener!.feed({ ...item, taken: { type: "taken", node: dead, entry: from } });
        }
      }
      listener!.endTurn();
      await pause(0);
    }
  }

  /** Its parts of the queues of groups. */
  async #groups(dead: NodeId): Promise<void> {
    const { key, listener } = this.#ground;
    const groups = listOf(await callWhenUp(this.#link, "groups", key, [dead])).map(textOf);
    for (const clientId of groups) {
      const group = clientId.slice(dead.length + 2);
      for (let from = 0;;) {
        const args = [clientId, String(from), String(SHARES)];
        const [more, found] = listOf(await callWhenUp(this.#link, "read", key, args));
        const deliveries = readDeliveries(found);
        if (this.#ground.ended) return;
        for (const { message } of deliveries) {
          const taken = { type: "deleteQueued", clientId, order: message.order } as const;
          listener!.feed({ type: "shared", group, message, taken });
          from = message.order + 1;
        }
        if (deliveries.length > 0) listener!.endTurn();
        if (Number(more) !== 1 && deliveries.length < SHARES) break;
        await pause(0);
      }
    }
  }
}
