/**
 * A node whose state is in Redis: the shared store and the cluster in one. Each part has a file: commits,
 * claims, reader, burial, casts, lease. Here they are put together.
 *
 * Its connections: one that writes batches, one that claims, one that asks, one that reads and blocks, one that
 * hears what is published, one that casts.
 */

import type { Cluster, ClusterListener, NodeStatus } from "../cluster/cluster.ts";
import type { ClientId, ConnectionId, NodeId } from "../policy/identity.ts";
import type { AnyWrite } from "../session/cluster_write.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import type { IndexRecord, StoredSession } from "../session/write.ts";
import type { BatchLimits, SharedStore, Spreading, StorePromise } from "../store/store.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";
import { Burial } from "./burial.ts";
import { answered, callOnce, callWhenUp } from "./calls.ts";
import { Casts } from "./casts.ts";
import { Claims } from "./claims.ts";
import type { Client } from "./client.ts";
import { bytesOf, listOf, textOf } from "./client.ts";
import { Commits } from "./commits.ts";
import type { Ground } from "./ground.ts";
import { Lease } from "./lease.ts";
import { Link } from "./link.ts";
import { Reader } from "./reader.ts";
import type { Beginning } from "./redis_index.ts";
import { readBeginning, readIndex } from "./redis_index.ts";
import type { RedisCounts } from "./redis_options.ts";
import { Spread } from "./spread.ts";
import { readQueue, readStored } from "./stored.ts";
import type { Standing } from "./standing.ts";
import { standingOf } from "./standing.ts";
import type { Whereabouts } from "./whereabouts.ts";

export class RedisNode implements SharedStore, Cluster {
  readonly limits: BatchLimits = { writes: 1_000 };
  readonly slot: number;
  readonly #ground: Ground;
  /** Asks: reads, beats, and whatever nobody waits long for. */
  readonly #asker: Link;
  readonly #links: readonly Link[];
  readonly #commits: Commits;
  readonly #claims: Claims;
  readonly #reader: Reader;
  readonly #casts: Casts;
  readonly #lease: Lease;
  #beginning: Beginning | undefined;

  /** @param asker as `openRedis` has it, connected */
  constructor(ground: Ground, slot: number, whereabouts: Whereabouts, asker: Link) {
    this.#ground = ground;
    this.slot = slot;
    const { options: redis } = ground;
    const link = () => new Link({ redis, whereabouts });
    const writer = link(), claimer = link(), reading = link(), caster = link();
    const spread = new Spread(ground, asker);
    const hearer = new Link({
      redis,
      whereabouts,
      prepare: (client) => this.#hear(client, spread),
    });
    this.#asker = asker;
    this.#links = [asker, writer, claimer, reading, caster, hearer];
    this.#reader = new Reader(ground, reading, asker);
    this.#commits = new Commits(ground, writer, spread, this.#reader);
    this.#claims = new Claims(ground, claimer, this.#reader);
    this.#casts = new Casts(ground, caster);
    const burial = new Burial(ground, claimer, this.#reader, this.#claims);
    this.#reader.onRelease = (clientId) => this.#claims.released(clientId);
    this.#reader.onNodes = () => this.#claims.nodesChanged();
    this.#lease = new Lease({
      ground,
      link: asker,
      positions: () => this.#reader.positions,
      bury: (dead) => burial.bury(dead),
      beaten: () => void hearer.send(["PING"]).catch(() => {}),
    });
    ground.onEnd(() => {
      for (const each of this.#links) each.close();
    });
  }

  get node(): NodeId {
    return this.#ground.node;
  }

  get promise(): StorePromise {
    return this.#ground.durability.promise;
  }

  get inDoubt(): boolean {
    return this.#ground.inDoubt;
  }

  /** What was dropped, lost, not understood, since it was opened. */
  get counts(): RedisCounts {
    return this.#ground.counts;
  }

  /** What this node's tables come to: told to the others with the next beat. */
  get checksum(): string {
    return this.#lease.checksum;
  }

  set checksum(text: string) {
    this.#lease.checksum = text;
  }

  /** Place in the log up to which this node has taken everything in. */
  get position(): string {
    return this.#reader.positions[0];
  }

  /** How far behind it is, and Redis's clock; rejects while Redis is away. */
  standing(): Promise<Standing> {
    return this.#orItsEnd(standingOf(this.#ground, this.#asker, this.position));
  }

  commit(writes: readonly AnyWrite[]): Promise<void | Spreading> {
    return this.#commits.commit(writes);
  }

  async load(clientId: ClientId, most: number): Promise<StoredSession> {
    const wanted = Number.isFinite(most) ? most : Number.MAX_SAFE_INTEGER;
    const reply = await this.#ask("load", [clientId, String(wanted)]);
    const { stored: { received, inflight, queued }, more } = readStored(reply);
    if (!more) return { received, inflight, queued };
    const last = queued.at(-1)!.message.order;
    const rest = await this.read(clientId, last + 1, wanted - queued.length);
    return { received, inflight, queued: [...queued, ...rest] };
  }

  read(clientId: ClientId, from: Order, most: number): Promise<readonly Delivery[]> {
    const wanted = Number.isFinite(most) ? most : Number.MAX_SAFE_INTEGER;
    return readQueue(this.#asker, this.#ground.key, clientId, from, wanted);
  }

  async *index(): AsyncGenerator<IndexRecord> {
    const beginning = await this.#orItsEnd(readBeginning(this.#ground, this.#asker));
    if (this.#ground.listener === undefined) this.#beginning = beginning;
    const records = readIndex(this.#ground, this.#asker, beginning);
    for (;;) {
      const { done, value } = await this.#orItsEnd(records.next());
      if (done === true) return;
      yield value;
    }
  }

  async begin(listener: ClusterListener): Promise<void> {
    const { log, nodes } = this.#beginning ?? await readBeginning(this.#ground, this.#asker);
    this.#beginning = undefined;
    const [word, rest] = answered(await this.#ask("begin", [this.node]), "begin");
    this.#ground.begin(listener);
    if (word === "fenced") this.#ground.fenceAsDead(rest);
    if (this.#ground.ended) throw this.#ground.end;
    const caughtUp = this.#reader.begin(log, nodes, textOf(rest[1]));
    this.#lease.now();
    await Promise.race([
      caughtUp,
      new Promise<never>((_, reject) => this.#ground.onEnd(() => reject(this.#ground.end))),
    ]);
  }

  claim(connection: ConnectionId, clientId: ClientId, most: number, ifFree: boolean): void {
    this.#claims.claim(connection, clientId, most, ifFree);
  }

  cast(nodes: readonly NodeId[], message: Message, group: TopicFilter | undefined): void {
    this.#casts.cast(nodes, message, group);
  }

  async instruct(to: NodeId | "others", text: string): Promise<void> {
    const [word] = answered(
      await this.#ask("instruct", [this.node, to === "others" ? "*" : to, text]),
      "instruct",
    );
    if (word === "fenced") throw this.#ground.end;
  }

  async status(): Promise<readonly NodeStatus[]> {
    return listOf(await this.#ask("status", [])).map((each) => {
      const [node, name, version, slot, lease, applied, checksum] = listOf(each).map(textOf);
      return {
        node: node!,
        name: name!,
        version: version!,
        slot: Number(slot),
        applied: applied!,
        lease: Math.max(0, Number(lease)),
        checksum: checksum!,
      };
    });
  }

  async leave(): Promise<void> {
    if (this.#ground.ended) return;
    try {
      await callOnce(this.#asker, "leave", this.#ground.key, [this.node]);
    } catch { // whoever comes next waits for the lease to end
    }
    this.#ground.close();
  }

  /** Ends as a crash would: whoever comes next finds out by the lease, or by the same name. */
  close(): Promise<void> {
    this.#ground.close();
    return Promise.resolve();
  }

  /** Where the node has ended meanwhile, that is why: that its links are closed is only what comes of it. */
  async #orItsEnd<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (error) {
      throw this.#ground.ended ? this.#ground.end : error;
    }
  }

  #ask(...[name, args]: [Parameters<typeof callWhenUp>[1], readonly string[]]) {
    return callWhenUp(this.#asker, name, this.#ground.key, args);
  }

  async #hear(client: Client, spread: Spread): Promise<void> {
    const { key, node } = this.#ground;
    const cast = Casts.channel(key, node);
    await client.hear([`${key}applied`, `${key}news`, cast], (message, channel) => {
      const name = channel.toString("utf8");
      if (name === cast) this.#casts.heard(bytesOf(message));
      else if (name === `${key}applied`) spread.heard(message.toString("utf8"));
      else this.#lease.now();
    });
  }
}
