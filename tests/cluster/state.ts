/**
 * The state that the nodes of a cluster share, as plainly as it can be said: every method is one atomic step,
 * as a function of Redis is one. The model that drivers are compared with; section 8 of the architecture.
 *
 * It knows no time but what it is told and no latency: those are the matter of `ModelNode`.
 */

import { SLOTS, waitsForAll } from "../../src/session/cluster_write.ts";
import type { NodeStatus } from "../../src/cluster/cluster.ts";
import type { ClaimedSession } from "../../src/broker/cluster_event.ts";
import type { ClientId, Instant, NodeId } from "../../src/policy/identity.ts";
import type { AnyWrite, Interest, PostBound } from "../../src/session/cluster_write.ts";
import type { Delivery, Message, Order } from "../../src/session/message.ts";
import { messageSize } from "../../src/session/message.ts";
import type { IndexRecord } from "../../src/session/write.ts";
import { MemoryStore } from "../../src/store/memory_store.ts";
import type { TopicFilter } from "../../src/topic/topic_filter.ts";
import { highestOf, isReplicated } from "./kinds.ts";

/** The answer to a node that is dead. */
export const FENCED = "fenced";
export type Fenced = typeof FENCED;

/** What is in the log, from position 1 on. */
export type LogEntry =
  | { readonly position: number; readonly from: NodeId; readonly writes: readonly AnyWrite[] }
  /** Who is there changes at this place: nothing of whoever is not named comes behind it. */
  | { readonly position: number; readonly nodes: readonly NodeId[] };

/** What is in an inbox; `entry` names it. */
export type InboxEntry =
  & { readonly entry: number }
  & (
    | { readonly type: "mail"; readonly clientId: ClientId; readonly delivery: Delivery }
    | { readonly type: "forward"; readonly messages: readonly Message[] }
    | { readonly type: "share"; readonly group: TopicFilter; readonly message: Message }
    /** `grave`: the session is still to be adopted, which comes first. */
    | { readonly type: "wanted"; readonly clientId: ClientId; readonly grave: NodeId | undefined }
    | { readonly type: "instruction"; readonly text: string }
  );

type NewEntry = InboxEntry extends infer E ? E extends InboxEntry ? Omit<E, "entry"> : never
  : never;

/** A dead node that is not buried. */
interface Grave {
  burier: NodeId;
  /** Sessions that it had when it died. */
  readonly sessions: Set<ClientId>;
  /** Delayed messages that it had: they are the burier's now. */
  readonly delayed: Set<Order>;
}

interface NodeRow {
  readonly name: string;
  readonly version: string;
  readonly slot: number;
  until: Instant;
  /** Since when its lease has had no gap. */
  since: Instant;
  /** Infinity until it has begun: nobody waits for it. */
  applied: number;
  /** It has said good-bye. */
  left: boolean;
}

export interface Loaded {
  readonly stored: ClaimedSession;
  readonly highest: Order;
  /** What is to be fed before this. */
  readonly log: number;
  readonly inbox: number;
  /** The session was to be adopted from that node: see cluster_event.ts. */
  readonly grave: NodeId | undefined;
}

export interface Beaten {
  /** Dead nodes that this one has to bury, and the sessions that they had. */
  readonly graves: readonly { readonly node: NodeId; readonly sessions: readonly ClientId[] }[];
}

export class SharedState {
  /** Outlives every node. */
  readonly records = new MemoryStore();
  readonly lease: number;
  readonly nodes = new Map<NodeId, NodeRow>();
  readonly graves = new Map<NodeId, Grave>();
  readonly claims = new Map<ClientId, NodeId>();
  readonly routes = new Map<NodeId, Map<TopicFilter, Interest>>();
  readonly inboxes = new Map<NodeId, InboxEntry[]>();
  /** Whose a delayed message is: each node has its own. */
  readonly delayedAt = new Map<Order, NodeId>();
  highest: Order = 0;
  /** Sessions that there are, and whether their clients are only awaited. */
  readonly #sessions = new Map<ClientId, boolean>();
  #log: LogEntry[] = [];
  #position = 0;
  #lastEntry = 0;
  #lastNode = 0;
  /** By node, its last batch: the same number gets the same answer. */
  readonly #done = new Map<NodeId, { readonly number: number; readonly answer: Committed }>();
  /** Told of whatever may concern a node: there is something in the log or the inbox, or all have applied more. */
  readonly #listeners = new Map<NodeId, () => void>();
  /** Told who has died. */
  onDeath: (node: NodeId) => void = () => {};
  /** Told of what changes hands. */
  onChange: (text: string) => void = () => {};
  /** Told whose queue had no room for a message. */
  onDrop: (clientId: ClientId) => void = () => {};

  constructor(lease: number) {
    this.lease = lease;
  }

  get position(): number {
    return this.#position;
  }

  /** Entries that some node may still need. */
  get logLength(): number {
    return this.#log.length;
  }

  isAlive(node: NodeId): boolean {
    return this.nodes.has(node);
  }

  /** The longest-lived first. */
  living(): readonly NodeId[] {
    return [...this.nodes.keys()];
  }

  // ---- nodes

  /** A new node; one of the same name that is there still is its predecessor, and dead. */
  join(name: string, version: string, now: Instant): { node: NodeId; slot: number } {
    const node = `${name}.${++this.#lastNode}`;
    const slots = new Set([...this.nodes.values()].map(({ slot }) => slot));
    let slot = 0;
    while (slots.has(slot)) slot += 1;
    if (slot >= SLOTS) throw new Error(`there are ${SLOTS} nodes already`);
    const row = { name, version, slot, until: now + this.lease, since: now };
    this.nodes.set(node, { ...row, applied: Infinity, left: false });
    this.inboxes.set(node, []);
    this.routes.set(node, new Map());
    for (const [other, { name: called, left }] of [...this.nodes]) {
      if (other !== node && (called === name || left)) this.#bury(other, node);
    }
    this.#appendNodes();
    return { node, slot };
  }

  /** Renews the lease, and declares dead whose lease has ended. */
  beat(node: NodeId, now: Instant): Beaten | Fenced {
    const row = this.nodes.get(node);
    if (row === undefined || row.left) return FENCED;
    if (row.until < now) row.since = now;
    row.until = now + this.lease;
    const mayDeclare = now - row.since >= this.lease;
    let some = false;
    for (const [other, { until, left }] of [...this.nodes]) {
      if (other === node || !left && (until >= now || !mayDeclare)) continue;
      this.#bury(other, node);
      some = true;
    }
    if (some) this.#appendNodes();
    return { graves: this.#gravesOf(node) };
  }

  leave(node: NodeId): void {
    const row = this.nodes.get(node);
    if (row === undefined) return;
    row.left = true;
    row.applied = Infinity;
    this.#tellAll();
  }

  status(now: Instant): readonly NodeStatus[] {
    return [...this.nodes].map(([node, { name, version, slot, until, applied }]) => ({
      node,
      name,
      version,
      slot,
      applied: `0-${applied === Infinity ? 0 : applied}`,
      lease: Math.max(0, until - now),
      checksum: "",
    }));
  }

  #gravesOf(burier: NodeId): Beaten["graves"] {
    return [...this.graves].filter(([, grave]) => grave.burier === burier)
      .map(([node, { sessions }]) => ({ node, sessions: [...sessions] }));
  }

  #bury(dead: NodeId, burier: NodeId): void {
    this.nodes.delete(dead);
    this.routes.delete(dead);
    this.#done.delete(dead);
    this.#listeners.delete(dead);
    const sessions = new Set<ClientId>();
    for (const [clientId, owner] of this.claims) {
      if (owner !== dead) continue;
      this.claims.set(clientId, burier);
      sessions.add(clientId);
    }
    const delayed = new Set<Order>();
    for (const [order, owner] of this.delayedAt) {
      if (owner !== dead) continue;
      this.delayedAt.set(order, burier);
      delayed.add(order);
    }
    // What it was to bury itself, the burier of it buries; a session is in one grave at most.
    for (const grave of this.graves.values()) {
      if (grave.burier === dead) grave.burier = burier;
      for (const clientId of sessions) grave.sessions.delete(clientId);
      for (const order of delayed) grave.delayed.delete(order);
    }
    this.graves.set(dead, { burier, sessions, delayed });
    this.onDeath(dead);
  }

  #appendNodes(): void {
    this.#append({ position: ++this.#position, nodes: this.living() });
  }

  // ---- the log and inboxes

  /** Calls back when there may be something new for the node. */
  listen(node: NodeId, listener: () => void): void {
    if (this.nodes.has(node)) this.#listeners.set(node, listener);
  }

  /** From now on others wait for the node; where it has to get to before it may serve anybody. */
  begin(node: NodeId, position: number): number | Fenced {
    const row = this.#row(node);
    if (row === undefined) return FENCED;
    row.applied = position;
    return this.#position;
  }

  /** What comes behind that place, and up to where that is all. */
  readLog(from: number, most: number): Part<LogEntry> {
    const first = this.#log.findIndex(({ position }) => position > from);
    const entries = first === -1 ? [] : this.#log.slice(first, first + most);
    return { entries, upTo: entries.length < most ? this.#position : entries.at(-1)!.position };
  }

  readInbox(node: NodeId, from: number, most: number): Part<InboxEntry> | Fenced {
    if (this.#row(node) === undefined) return FENCED;
    const entries = this.inboxes.get(node)!.filter(({ entry }) => entry > from).slice(0, most);
    return { entries, upTo: entries.length < most ? this.#lastEntry : entries.at(-1)!.entry };
  }

  /** The node has fed the log up to there, and these entries of its inbox. */
  applied(node: NodeId, position: number, entries: readonly number[]): Fenced | undefined {
    const row = this.#row(node);
    if (row === undefined) return FENCED;
    if (row.applied !== Infinity) row.applied = Math.max(row.applied, position);
    for (const entry of entries) this.#take(node, entry);
    const needed = Math.min(...[...this.nodes.values()].map(({ applied }) => applied));
    // Who has joined and not begun reads from where its index was read, which is here or later.
    const joining = [...this.nodes.values()].some(({ applied }) => applied === Infinity);
    if (!joining) this.#log = this.#log.filter((entry) => entry.position > needed);
    this.#tellAll();
    return undefined;
  }

  /** Whether every living node has taken that part of the log in. */
  allApplied(position: number): boolean {
    for (const { applied } of this.nodes.values()) if (applied < position) return false;
    return true;
  }

  #row(node: NodeId): NodeRow | undefined {
    const row = this.nodes.get(node);
    return row?.left === false ? row : undefined;
  }

  #take(node: NodeId, entry: number): void {
    const inbox = this.inboxes.get(node);
    const at = inbox?.findIndex((each) => each.entry === entry) ?? -1;
    if (at !== -1) inbox!.splice(at, 1);
  }

  #append(entry: LogEntry): void {
    this.#log.push(entry);
    this.#tellAll();
  }

  #tellAll(): void {
    for (const listener of this.#listeners.values()) listener();
  }

  #put(node: NodeId, entry: NewEntry): void {
    this.inboxes.get(node)!.push({ ...entry, entry: ++this.#lastEntry } as InboxEntry);
    this.#listeners.get(node)?.();
  }

  // ---- sessions

  /**
   * Makes the session the node's and reads it; "owned" where somebody else has it, who is asked for it unless
   * it is wanted `ifFree`.
   */
  claim(
    node: NodeId,
    clientId: ClientId,
    most: number,
    ifFree: boolean,
  ): Loaded | "owned" | Fenced {
    if (this.#row(node) === undefined) return FENCED;
    const owner = this.claims.get(clientId);
    if (owner !== undefined && owner !== node) {
      const grave = this.#graveWith(owner, clientId);
      if (!ifFree) this.#put(owner, { type: "wanted", clientId, grave });
      return "owned";
    }
    this.claims.set(clientId, node);
    this.onChange(`${clientId} is ${node}'s`);
    return this.#load(node, clientId, most);
  }

  /** Reads a session that came from a dead node; undefined where the node does not have it any more. */
  adopt(node: NodeId, clientId: ClientId, most: number): Loaded | Fenced | undefined {
    if (this.#row(node) === undefined) return FENCED;
    return this.claims.get(clientId) === node ? this.#load(node, clientId, most) : undefined;
  }

  #load(node: NodeId, clientId: ClientId, most: number): Loaded {
    const { received, inflight, queued } = this.records.load(clientId, most);
    const all = this.records.read(clientId, -Infinity, Infinity);
    const grave = this.#graveWith(node, clientId);
    const will = grave === undefined
      ? undefined
      : this.records.dump().wills.find((each) => each.clientId === clientId);
    return {
      stored: {
        received,
        inflight,
        queued,
        orders: all.map(({ message }) => message.order),
        sizes: all.map(({ message }) => messageSize(message)),
        ...(will === undefined ? {} : { will }),
      },
      highest: this.highest,
      log: this.#position,
      inbox: this.#lastEntry,
      grave,
    };
  }

  #graveWith(burier: NodeId, clientId: ClientId): NodeId | undefined {
    for (const [dead, grave] of this.graves) {
      if (grave.burier === burier && grave.sessions.has(clientId)) return dead;
    }
    return undefined;
  }

  /** What a dead node had beside sessions: its part of the shared queues, what was in its inbox for groups. */
  estate(node: NodeId, dead: NodeId): Estate | Fenced {
    if (this.#row(node) === undefined) return FENCED;
    const inherited: Inherited[] = [];
    for (const entry of this.inboxes.get(dead) ?? []) {
      if (entry.type !== "share") continue;
      const taken: AnyWrite = { type: "taken", node: dead, entry: String(entry.entry) };
      inherited.push({ group: entry.group, message: entry.message, taken });
    }
    for (const key of this.#sessions.keys()) {
      const group = groupOf(dead, key);
      if (group === undefined) continue;
      for (const { message } of this.records.read(key, -Infinity, Infinity)) {
        const taken: AnyWrite = { type: "deleteQueued", clientId: key, order: message.order };
        inherited.push({ group, message, taken });
      }
    }
    inherited.sort((a, b) => a.message.order - b.message.order);
    const orders = this.graves.get(dead)?.delayed;
    const delayed = this.records.dump().delayed.filter(({ message: { order } }) =>
      orders?.has(order) && this.delayedAt.get(order) === node
    );
    return {
      position: this.#position,
      inherited,
      delayed: delayed.map((each) => ({ type: "putDelayed", ...each })),
    };
  }

  // ---- writes

  /** One batch, all of it or nothing; the same number once more is answered as it was. */
  commit(node: NodeId, number: number, writes: readonly AnyWrite[]): Committed | Fenced {
    if (this.#row(node) === undefined) return FENCED;
    const done = this.#done.get(node);
    if (done?.number === number) return done.answer;
    const replicated: AnyWrite[] = [];
    const forwards = new Map<NodeId, Message[]>();
    for (const write of writes) {
      this.highest = Math.max(this.highest, highestOf(write));
      if (this.#apply(node, write, forwards) && isReplicated(write)) replicated.push(write);
    }
    for (const [to, messages] of forwards) this.#put(to, { type: "forward", messages });
    let position = 0;
    if (replicated.length > 0) {
      position = ++this.#position;
      this.#append({ position, from: node, writes: replicated });
    }
    const answer = {
      position: replicated.some(waitsForAll) ? position : 0,
      inbox: writes.some(({ type }) => type === "deleteSession") ? this.#lastEntry : 0,
    };
    this.#done.set(node, { number, answer });
    return answer;
  }

  /** False where there was nothing to it. */
  #apply(node: NodeId, write: AnyWrite, forwards: Map<NodeId, Message[]>): boolean {
    switch (write.type) {
      case "post":
        this.#post(write.clientId, write.delivery, write.bound);
        return true;
      case "forward": {
        if (!this.nodes.has(write.node)) return false;
        const messages = forwards.get(write.node);
        if (messages === undefined) forwards.set(write.node, [write.message]);
        else messages.push(write.message);
        return true;
      }
      case "share": {
        const { group, message } = write;
        const to = this.nodes.has(write.node) ? write.node : node;
        this.#put(to, { type: "share", group, message });
        return true;
      }
      case "taken":
        this.#take(write.node, Number(write.entry));
        return true;
      case "announce":
        if (write.interest === 0) this.routes.get(node)!.delete(write.full);
        else this.routes.get(node)!.set(write.full, write.interest);
        return true;
      case "release":
        if (this.claims.get(write.clientId) !== node) return false;
        this.claims.delete(write.clientId);
        this.onChange(`${write.clientId} is nobody's`);
        for (const { burier, sessions } of this.graves.values()) {
          if (burier === node) sessions.delete(write.clientId);
        }
        return true;
      case "buried":
        if (this.graves.get(write.node)?.burier !== node) return false;
        this.graves.delete(write.node);
        this.inboxes.delete(write.node);
        for (const clientId of [...this.#sessions.keys()]) {
          if (groupOf(write.node, clientId) === undefined) continue;
          this.#sessions.delete(clientId);
          this.records.commit([{ type: "deleteSession", clientId }]);
        }
        return true;
      case "putDelayed":
        this.delayedAt.set(write.message.order, node);
        this.records.commit([write]);
        return true;
      case "deleteDelayed":
        this.delayedAt.delete(write.order);
        this.records.commit([write]);
        return true;
      case "putSession":
        this.#sessions.set(write.clientId, write.awaited === true);
        this.records.commit([write]);
        return true;
      case "deleteSession":
        this.#sessions.delete(write.clientId);
        this.records.commit([write]);
        return true;
      default:
        this.records.commit([write]);
        return true;
    }
  }

  #post(clientId: ClientId, delivery: Delivery, bound: PostBound): void {
    if (!this.#sessions.has(clientId)) return;
    const owner = this.claims.get(clientId);
    if (owner === undefined && !this.#makeRoom(clientId, delivery, bound)) return;
    this.records.commit([{ type: "putQueued", clientId, delivery }]);
    if (owner !== undefined) this.#put(owner, { type: "mail", clientId, delivery });
  }

  /** Whether the message may be queued; what it takes the place of is gone. */
  #makeRoom(clientId: ClientId, { message }: Delivery, bound: PostBound): boolean {
    const queued = this.records.read(clientId, -Infinity, Infinity);
    const size = messageSize(message);
    let count = queued.length;
    let bytes = queued.reduce((sum, each) => sum + messageSize(each.message), 0);
    const isFull = () => count + 1 > bound.messages || bytes + size > bound.bytes;
    for (let at = 0; isFull(); at++) {
      this.onDrop(clientId);
      const oldest = queued[at];
      if (!bound.dropOldest || oldest === undefined) return false;
      const { order } = oldest.message;
      this.records.commit([{ type: "deleteQueued", clientId, order }]);
      count -= 1;
      bytes -= messageSize(oldest.message);
    }
    return true;
  }

  /** For the services of another node, or of all others. */
  instruct(node: NodeId, to: NodeId | "others", text: string): Fenced | undefined {
    if (this.#row(node) === undefined) return FENCED;
    for (const other of this.nodes.keys()) {
      if (to === "others" ? other !== node : other === to) {
        this.#put(other, { type: "instruction", text });
      }
    }
    return undefined;
  }

  // ---- reading

  /** Everything that a node needs at start, as of one moment, and the place in the log of that. */
  index(): Snapshot {
    const { sessions, retained, wills, settings } = this.records.dump();
    const records: IndexRecord[] = [];
    for (const [name, value] of settings) records.push({ type: "setting", name, value });
    for (const { clientId, owner, expiryInterval, expiresAt } of sessions) {
      const at = this.claims.get(clientId);
      records.push({
        type: "session",
        clientId,
        owner,
        expiryInterval,
        expiresAt,
        ...(this.#sessions.get(clientId) ? { awaited: true } : {}),
        ...(at === undefined ? {} : { at }),
        orders: [],
        sizes: [],
      });
    }
    for (const { clientId, subscriptions } of sessions) {
      for (const subscription of subscriptions) {
        records.push({ type: "subscription", clientId, subscription });
      }
    }
    for (const message of retained) records.push({ type: "retained", message });
    for (const will of wills) records.push({ type: "will", will });
    for (const [node, wanted] of this.routes) {
      for (const [full, interest] of wanted) records.push({ type: "route", node, full, interest });
    }
    records.push({ type: "order", highest: this.highest });
    return { position: this.#position, nodes: this.living(), records };
  }
}

export interface Snapshot {
  /** Of the log. */
  readonly position: number;
  readonly nodes: readonly NodeId[];
  readonly records: readonly IndexRecord[];
}

/** A part of a list that grows. */
export interface Part<T> {
  readonly entries: readonly T[];
  /** All up to this number have been read with it. */
  readonly upTo: number;
}

export interface Committed {
  /** Of the log, which all have to have taken in before it is done; 0: nobody. */
  readonly position: number;
  /** What is to be fed before the batch is done: mail for sessions that it has ended. */
  readonly inbox: number;
}

/** What a dead node leaves. */
export interface Estate {
  /** Of the log, as of which this is. */
  readonly position: number;
  readonly inherited: readonly Inherited[];
  readonly delayed: readonly AnyWrite[];
}

/** A message of a group that a dead node had. */
export interface Inherited {
  readonly group: TopicFilter;
  readonly message: Message;
  readonly taken: AnyWrite;
}

/** The filter of a group whose queue at that node has this key. */
function groupOf(node: NodeId, key: string): TopicFilter | undefined {
  const start = `\u0000${node}\u0000`;
  return key.startsWith(start) ? key.slice(start.length) : undefined;
}
