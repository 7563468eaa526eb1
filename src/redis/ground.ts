/**
 * What the parts of a node have in common: who it is, how it asks, whether Redis can be reached, and the end,
 * which comes once.
 */

import type { ClusterListener } from "../cluster/cluster.ts";
import { fencedError } from "../cluster/fenced.ts";
import { Departed } from "../cluster/departed.ts";
import type { NodeId } from "../policy/identity.ts";
import type { Reply } from "./client.ts";
import { textOf } from "./client.ts";
import type { Durability } from "./promise.ts";
import type { RedisCounts, RedisNotice, RedisOptions } from "./redis_options.ts";

export interface GroundOptions {
  readonly options: RedisOptions;
  /** What all keys begin with. */
  readonly key: string;
  readonly node: NodeId;
  readonly durability: Durability;
  readonly notice: (notice: RedisNotice) => void;
}

export class Ground {
  readonly options: RedisOptions;
  readonly key: string;
  readonly node: NodeId;
  readonly durability: Durability;
  readonly counts: { -readonly [Name in keyof RedisCounts]: RedisCounts[Name] } = {
    postsDropped: 0,
    castsLost: 0,
    notesSkipped: 0,
    timesAway: 0,
  };
  readonly notice: (notice: RedisNotice) => void;
  /** Sessions that the listener was told to have, and has not let go of. */
  readonly mine = new Set<string>();
  /** Nodes that the listener was told of, and that are no more. */
  readonly departed = new Departed();
  listener: ClusterListener | undefined;
  /** Until when nobody can have declared this node dead, by `performance.now()`. */
  #aliveUntil = 0;
  /** Who waits until that is ahead again. */
  #uncertain: (() => void)[] = [];
  #fencedBy: string | undefined;
  #closed = false;
  /** Why Redis cannot be reached, by who noticed. */
  readonly #away = new Map<string, string>();
  readonly #onEnd: (() => void)[] = [];

  constructor({ options, key, node, durability, notice }: GroundOptions) {
    this.options = options;
    this.key = key;
    this.node = node;
    this.durability = durability;
    this.notice = notice;
  }

  /** Whether it may be dead without knowing it. */
  get inDoubt(): boolean {
    return performance.now() >= this.#aliveUntil;
  }

  /** Until then nobody can declare it dead: a beat says so. */
  alive(until: number): void {
    this.#aliveUntil = until;
    for (const certain of this.#uncertain.splice(0)) certain();
  }

  /**
   * Resolves when it lives for certain: at once, or with the next beat.
   *
   * @throws at its end
   */
  async certain(): Promise<void> {
    while (!this.ended && this.inDoubt) {
      await new Promise<void>((resolve) => this.#uncertain.push(resolve));
    }
    if (this.ended) throw this.end;
  }

  /** Nothing more is done: closed, or fenced. */
  get ended(): boolean {
    return this.#closed || this.#fencedBy !== undefined;
  }

  /** Why nothing is taken any more. */
  get end(): Error {
    return this.#fencedBy === undefined
      ? new Error("the store is closed")
      : fencedError(`the node is no longer part of the cluster: ${this.#fencedBy}`);
  }

  /** Called once, when it is fenced or closed. */
  onEnd(ended: () => void): void {
    if (this.ended) ended();
    else this.#onEnd.push(ended);
  }

  /** Others have taken over: the listener is told, once. */
  fence(detail: string): void {
    if (this.ended) return;
    this.#fencedBy = detail;
    this.notice({ level: "error", message: "the node is fenced", fields: { detail } });
    this.#finish();
    this.listener?.fenced(detail);
  }

  /**
   * Redis has refused it as a node that is no more.
   *
   * @param rest of the answer: with the node that has the same name now, or nothing
   */
  fenceAsDead([, successor]: readonly Reply[]): void {
    const other = textOf(successor!);
    this.fence(
      other === ""
        ? "its lease has ended, and another node has taken its sessions over"
        : `${other} has started by the same name, and has taken its place: if both are to run, give each a ` +
          "cluster.name of its own",
    );
  }

  close(): void {
    if (this.#closed) return;
    const before = this.ended;
    this.#closed = true;
    if (!before) this.#finish();
  }

  /** The listener hears from now on; also of what has happened before. */
  begin(listener: ClusterListener): void {
    this.listener = listener;
    if (this.#fencedBy !== undefined) listener.fenced(this.#fencedBy);
    else if (this.#away.size > 0) listener.reachable(false, [...this.#away.values()][0]!);
  }

  /** Who asked could not; undefined: could. Tells the listener where that changes whether all can. */
  reached(who: string, why: string | undefined): void {
    if (this.ended) return;
    const before = this.#away.size;
    if (why !== undefined) this.#away.set(who, why);
    else this.#away.delete(who);
    const now = this.#away.size;
    if (before === 0 && now > 0) {
      this.counts.timesAway += 1;
      this.notice({ level: "warn", message: "Redis cannot be reached", fields: { why: why! } });
      this.listener?.reachable(false, why!);
    } else if (before > 0 && now === 0) {
      this.notice({ level: "info", message: "Redis can be reached again", fields: {} });
      this.listener?.reachable(true, "");
    }
  }

  /** Entries of the log or the inbox that a newer version has made, or that cannot be read. */
  skipped(count: number): void {
    if (count === 0) return;
    if (this.counts.notesSkipped === 0) {
      const message = "records of other nodes are not understood: is a newer version running?";
      this.notice({ level: "warn", message, fields: { count } });
    }
    this.counts.notesSkipped += count;
  }

  #finish(): void {
    for (const certain of this.#uncertain.splice(0)) certain();
    for (const ended of this.#onEnd.splice(0)) ended();
  }
}
