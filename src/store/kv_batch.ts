/**
 * What one commit changes: writes are applied to the index at once and gathered, `changes()` is then
 * what must reach the disk. What is put and taken back in one batch never gets there.
 *
 * If the commit fails, the index has run ahead of the disk and must be read again.
 */

import type { ClientId } from "../policy/identity.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import { messageSize } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import type { Write } from "../session/write.ts";
import { deleteLong, putLong } from "./chunk.ts";
import type { Change, Key } from "./kv.ts";
import * as keys from "./kv_key.ts";
import type { Place } from "./place_queue.ts";
import { NOWHERE } from "./place_queue.ts";
import * as record from "./record.ts";
import type { Entry } from "./segment.ts";
import { encodeSegment, Kind, MOST_ENTRIES, RunCounter, SegmentMemory } from "./segment.ts";
import type { Segment, SessionEntry, StoreIndex } from "./store_index.ts";
import * as at from "./store_index.ts";

/** A message that may take more bytes than this stands by itself, once however many queue it. */
export const BLOB_FROM = 20_000;

/** Bytes of messages in a segment, as `messageSize` counts them, so that it comes and goes in one atomic. */
const MOST_SIZE = 1 << 20;

/** A segment that this batch makes. */
interface Begun {
  readonly number: number;
  readonly entries: Entry[];
  live: number;
  /** Of its messages, those counted once that the entry before has too. */
  size: number;
}

export class KvBatch {
  readonly #index: StoreIndex;
  readonly #subscriptions: ReadonlyMap<ClientId, readonly Key[]>;
  readonly #changes = new Map<string, Change>();
  /** The segments that this batch makes. */
  readonly #begun: Begun[] = [];
  /** Of the segments that it makes. */
  #tier = 0;
  /** Older segments of which entries go. */
  readonly #touched = new Set<Segment>();
  /** Large messages that came or went: whether they were on the disk before, and what they are. */
  readonly #blobs = new Map<Order, { readonly before: boolean; message: Message | undefined }>();
  /** Subscriptions that this batch puts, by the session's number. */
  readonly #subscribed = new Map<number, Key[]>();
  readonly #highest: Order;
  readonly #next: number;
  readonly #number = (): number => this.#index.number();

  readonly #memory: SegmentMemory;

  /**
   * @param subscriptions the keys of those on the disk, of every session that the batch deletes
   * @param memory what its changes may point into: not to be used by another batch before they are done
   */
  constructor(
    index: StoreIndex,
    subscriptions: ReadonlyMap<ClientId, readonly Key[]>,
    memory = new SegmentMemory(),
  ) {
    this.#index = index;
    this.#memory = memory;
    memory.clear();
    this.#subscriptions = subscriptions;
    this.#highest = index.highest;
    this.#next = index.next;
  }

  apply(write: Write): void {
    switch (write.type) {
      case "putInflight":
        return this.#putInflight(write);
      case "deleteInflight":
        return this.#deleteId(Kind.inflight, write);
      case "putQueued":
        return this.#putQueued(write.clientId, write.delivery);
      case "deleteQueued": {
        const session = this.#index.sessions.get(write.clientId);
        if (session !== undefined) this.#kill(at.deleteQueued(session, write.order));
        return;
      }
      case "putReceived": {
        const session = this.#index.sessions.get(write.clientId);
        if (session === undefined || session.received?.has(write.packetId)) return;
        return this.#add(session, received(session.number, write.packetId));
      }
      case "deleteReceived":
        return this.#deleteId(Kind.received, write);
      case "putSession": {
        const { sessions } = this.#index;
        const session = sessions.get(write.clientId) ??
          this.#index.addSession(write.clientId, this.#index.number());
        return this.#put(keys.sessionKey(session.number), record.encodeSession(write));
      }
      case "deleteSession":
        return this.#deleteSession(write.clientId);
      case "putSubscription": {
        const session = this.#index.sessions.get(write.clientId);
        if (session === undefined) return;
        const key = keys.subscriptionKey(session.number, write.subscription.full);
        const put = this.#subscribed.get(session.number);
        if (put === undefined) this.#subscribed.set(session.number, [key]);
        else put.push(key);
        return this.#put(key, record.encodeSubscription(write.subscription));
      }
      case "deleteSubscription": {
        const session = this.#index.sessions.get(write.clientId);
        if (session === undefined) return;
        return this.#delete(keys.subscriptionKey(session.number, write.filter));
      }
      case "putRetained":
        this.#seen(write.message.order);
        return this.#put(
          keys.retainedKey(write.message.topic),
          record.encodeMessage(write.message),
        );
      case "deleteRetained":
        return this.#delete(keys.retainedKey(write.topic));
      case "putWill":
        return this.#put(keys.willKey(write.will.clientId), record.encodeWill(write.will));
      case "deleteWill":
        return this.#delete(keys.willKey(write.clientId));
      case "putDelayed":
        this.#seen(write.message.order);
        return this.#put(keys.delayedKey(write.message.order), record.encodeDelayed(write));
      case "deleteDelayed":
        return this.#delete(keys.delayedKey(write.order));
      case "putSetting":
        return this.#put(keys.settingKey(write.name), record.encodeSetting(write));
      case "deleteSetting":
        return this.#delete(keys.settingKey(write.name));
    }
  }

  /** Puts entries, as they were read from older segments, into new ones, in this order. */
  move(entries: readonly Entry[], tier: number): void {
    this.#tier = tier;
    for (const entry of entries) {
      const session = this.#index.byNumber.get(entry.session);
      if (session !== undefined) this.#add(session, entry);
    }
  }

  /** What must reach the disk: nothing when nothing changed. */
  changes(): Change[] {
    const index = this.#index;
    this.#finishBlobs();
    const changes = [...this.#changes.values()];
    for (const begun of this.#begun) {
      if (begun.live > 0) this.#finishSegment(begun, changes);
    }
    for (const segment of this.#touched) {
      if (segment.live > 0) {
        // A copy: the commit may still be on its way when the next one marks more entries.
        const value = segment.gone!.slice();
        changes.push({ key: keys.goneKey(segment.number), value, ahead: false });
        continue;
      }
      index.segments.delete(segment.number);
      changes.push(gone(keys.headKey(segment.number)), gone(keys.goneKey(segment.number)));
      for (let n = 0; n < segment.blocks; n++) changes.push(gone(keys.blockKey(segment.number, n)));
    }
    if (index.highest !== this.#highest || (index.next !== this.#next && changes.length > 0)) {
      const counters = record.begun(20);
      counters.varint(index.highest);
      counters.varint(index.next);
      changes.push({ key: keys.COUNTERS, value: counters.slice(), ahead: false });
    }
    return changes;
  }

  #putInflight({ clientId, packetId, inflight }: Write & { readonly type: "putInflight" }): void {
    const { delivery } = inflight;
    if (delivery !== undefined) this.#seen(delivery.message.order);
    const session = this.#index.sessions.get(clientId);
    if (session !== undefined) this.#add(session, outbound(session.number, packetId, inflight));
  }

  #putQueued(clientId: ClientId, delivery: Delivery): void {
    this.#seen(delivery.message.order);
    const session = this.#index.sessions.get(clientId);
    if (session !== undefined) this.#add(session, queued(session.number, delivery));
  }

  #deleteId(kind: Kind, { clientId, packetId }: { clientId: ClientId; packetId: number }): void {
    const session = this.#index.sessions.get(clientId);
    if (session !== undefined) this.#kill(at.deleteId(session, kind, packetId));
  }

  #deleteSession(clientId: ClientId): void {
    const session = this.#index.sessions.get(clientId);
    if (session === undefined) return;
    for (const place of session.received?.values() ?? []) this.#kill(place);
    for (const place of session.inflight?.values() ?? []) this.#kill(place);
    for (const place of session.queue?.places(-Infinity, Infinity) ?? []) this.#kill(place);
    if (session.number < this.#next) {
      for (const key of this.#subscriptions.get(clientId) ?? []) this.#delete(key);
    }
    for (const key of this.#subscribed.get(session.number) ?? []) this.#delete(key);
    this.#delete(keys.sessionKey(session.number));
    this.#index.removeSession(session);
  }

  /** Gives an entry a place; what the same id or order had before goes. */
  #add(session: SessionEntry, entry: Entry): void {
    let begun = this.#begun[this.#begun.length - 1];
    if (
      begun === undefined || begun.entries.length >= MOST_ENTRIES || begun.size >= MOST_SIZE
    ) {
      begun = { number: this.#index.number(), entries: [], live: 0, size: 0 };
      this.#begun.push(begun);
    }
    const { entries } = begun;
    const place = at.placeAt(begun.number, entries.length);
    if (!entry.blob && !sameMessage(entry, entries[entries.length - 1])) begun.size += entry.size;
    entries.push(entry);
    begun.live += 1;
    if (entry.blob) this.#count(entry.order, 1, entry.message);
    this.#kill(
      entry.kind === Kind.queued
        ? at.putQueued(this.#index, session, entry.order, place, entry.size)
        : at.putId(session, entry.kind, entry.packetId, place),
    );
  }

  /** The entry at that place goes. */
  #kill(place: Place): void {
    if (place === NOWHERE) return;
    const number = at.segmentOf(place);
    const entry = at.entryOf(place);
    const segment = this.#index.segments.get(number);
    if (segment === undefined) {
      const begun = this.#begun.find((begun) => begun.number === number)!;
      const put = begun.entries[entry]!;
      if (put.blob) this.#count(put.order, -1, undefined);
      put.kind = Kind.void;
      begun.live -= 1;
      return;
    }
    segment.gone ??= new Uint8Array((segment.count + 7) >> 3);
    segment.gone[entry >> 3]! |= 1 << (entry & 7);
    segment.live -= 1;
    this.#touched.add(segment);
    const blob = segment.blobs?.get(entry);
    if (blob !== undefined) this.#count(blob, -1, undefined);
  }

  #seen(order: Order): void {
    if (order > this.#index.highest) this.#index.highest = order;
  }

  /** One reference to a large message more or less. */
  #count(order: Order, by: 1 | -1, message: Message | undefined): void {
    const { blobs } = this.#index;
    const before = blobs.get(order) ?? 0;
    const known = this.#blobs.get(order);
    if (known === undefined) this.#blobs.set(order, { before: before > 0, message });
    else known.message ??= message;
    if (before + by === 0) blobs.delete(order);
    else blobs.set(order, before + by);
  }

  #finishBlobs(): void {
    for (const [order, { before, message }] of this.#blobs) {
      const now = this.#index.blobs.has(order);
      if (now && !before) {
        this.#put(keys.blobKey(order), record.encodeMessage(message!), true);
      } else if (before && !now) {
        this.#delete(keys.blobKey(order));
      }
    }
  }

  #finishSegment({ number, entries, live }: Begun, changes: Change[]): void {
    const tier = this.#tier;
    const { head, blocks } = encodeSegment(entries, tier, this.#memory);
    changes.push({ key: keys.headKey(number), value: head, ahead: false });
    let bytes = head.length;
    for (let n = 0; n < blocks.length; n++) {
      changes.push({ key: keys.blockKey(number, n), value: blocks[n]!, ahead: true });
      bytes += blocks[n]!.length;
    }
    let blobs: Map<number, Order> | undefined;
    let gone: Uint8Array | undefined;
    const runs = new RunCounter();
    for (let i = 0; i < entries.length; i++) {
      const { kind, session, blob, order } = entries[i]!;
      runs.count(kind, session, sameMessage(entries[i]!, entries[i - 1]));
      if (kind === Kind.void) {
        gone ??= new Uint8Array((entries.length + 7) >> 3);
        gone[i >> 3]! |= 1 << (i & 7);
      } else if (blob) (blobs ??= new Map()).set(i, order);
    }
    const { length: count } = entries;
    this.#index.segments.set(number, {
      number,
      count,
      live,
      bytes,
      blocks: blocks.length,
      tier,
      runs: runs.runs,
      first: entries[0]!.session,
      gone,
      blobs,
    });
  }

  #put(key: Key, value: Uint8Array, ahead = false): void {
    this.#take(putLong(this.#index.rests, key, value, ahead, this.#number));
  }

  #delete(key: Key): void {
    this.#take(deleteLong(this.#index.rests, key));
  }

  /** The last change of a key counts. */
  #take(changes: readonly Change[]): void {
    for (const change of changes) this.#changes.set(keys.keyId(change.key), change);
  }
}

/** The counters that `changes()` writes. */
export function decodeCounters(bytes: Uint8Array): { highest: Order; next: number } {
  const from = record.opened(bytes, "the counters");
  const counters = { highest: from.varint(), next: from.varint() };
  from.end();
  return counters;
}

function gone(key: Key): Change {
  return { key, value: undefined, ahead: false };
}

function sameMessage(entry: Entry, other: Entry | undefined): boolean {
  return other !== undefined && carries(entry) && carries(other) && entry.order === other.order;
}

function carries({ kind }: Entry): boolean {
  return kind === Kind.queued || kind === Kind.inflight;
}

function received(session: number, packetId: number): Entry {
  return entry(Kind.received, session, packetId, undefined, undefined);
}

function queued(session: number, delivery: Delivery): Entry {
  return entry(Kind.queued, session, 0, delivery, undefined);
}

function outbound(session: number, packetId: number, inflight: Inflight): Entry {
  const { delivery } = inflight;
  const kind = delivery === undefined ? Kind.released : Kind.inflight;
  return entry(kind, session, packetId, delivery, inflight);
}

/** An entry; of a `delivery` it takes the message too. */
export function entry(
  kind: Kind,
  session: number,
  packetId: number,
  delivery: Delivery | undefined,
  inflight: Inflight | undefined,
): Entry {
  const message = delivery?.message;
  return {
    kind,
    session,
    packetId,
    order: message === undefined ? 0 : message.order,
    size: message === undefined ? 0 : messageSize(message),
    blob: message !== undefined && record.messageBound(message) > BLOB_FROM,
    message,
    bytes: undefined,
    qos: delivery === undefined ? 0 : delivery.qos,
    retain: delivery !== undefined && delivery.retain,
    subscriptionIdentifiers: delivery?.subscriptionIdentifiers,
    group: delivery?.group,
    extra: undefined,
    awaiting: inflight === undefined ? "puback" : inflight.awaiting,
    sequence: inflight === undefined ? 0 : inflight.sequence,
    sentAt: inflight === undefined ? 0 : inflight.sentAt,
  };
}
