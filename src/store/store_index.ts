/**
 * What a store on disk keeps in memory: which sessions there are and where their parts stand, how much
 * of each segment is in use, and who has a large message. No message. Mutable; owned by one store.
 *
 * It is exactly what start-up reads from the heads of the segments, so after a failed commit it can
 * be read again.
 */

import type { PacketId } from "../packet/packet.ts";
import type { ClientId } from "../policy/identity.ts";
import type { Order } from "../session/message.ts";
import type { Rests } from "./chunk.ts";
import type { Place } from "./place_queue.ts";
import { NOWHERE, PlaceQueue } from "./place_queue.ts";
import { PlaceRows } from "./place_rows.ts";
import type { HeadReader } from "./segment.ts";
import { BLOCK, Kind, RunCounter } from "./segment.ts";
import { damaged } from "./store_error.ts";

/** A session; its collections are made when the first item comes. */
export interface SessionEntry {
  readonly clientId: ClientId;
  /** Never used again, not even for a session of the same client. */
  readonly number: number;
  received: Map<PacketId, Place> | undefined;
  inflight: Map<PacketId, Place> | undefined;
  queue: PlaceQueue | undefined;
}

export interface Segment {
  readonly number: number;
  /** Entries, gone or not. */
  readonly count: number;
  /** Entries that are not gone. */
  live: number;
  /** In its blocks and its head. */
  readonly bytes: number;
  readonly blocks: number;
  /** How often its entries were regrouped. */
  readonly tier: number;
  /** How many runs of messages of one session it had when it was made, or read at start. */
  readonly runs: number;
  /** The session of its first entry. */
  readonly first: number;
  /** Which entries are gone, a bit each; undefined while none is. */
  gone: Uint8Array | undefined;
  /** The orders of the large messages that entries refer to, by the entry's number. */
  readonly blobs: ReadonlyMap<number, Order> | undefined;
}

/** Entries of a segment are numbered below this: `MOST_ENTRIES` is less. */
const ENTRIES = 2_048;

export class StoreIndex {
  readonly sessions = new Map<ClientId, SessionEntry>();
  readonly byNumber = new Map<number, SessionEntry>();
  readonly segments = new Map<number, Segment>();
  /** How many entries refer to a large message. */
  readonly blobs = new Map<Order, number>();
  readonly rests: Rests;
  /** The memory of all queues. */
  readonly rows = new PlaceRows();
  highest: Order = 0;
  #next = 1;

  constructor(rests: Rests) {
    this.rests = rests;
  }

  /** The first of the numbers that were never used. */
  get next(): number {
    return this.#next;
  }

  /** A number that was never used, for a session, a segment or a long value. */
  number(): number {
    return this.#next++;
  }

  /** Numbers below this were used. */
  used(next: number): void {
    if (next > this.#next) this.#next = next;
  }

  addSession(clientId: ClientId, number: number): SessionEntry {
    const session: SessionEntry = {
      clientId,
      number,
      received: undefined,
      inflight: undefined,
      queue: undefined,
    };
    this.sessions.set(clientId, session);
    this.byNumber.set(number, session);
    return session;
  }

  removeSession(session: SessionEntry): void {
    this.sessions.delete(session.clientId);
    this.byNumber.delete(session.number);
    session.queue?.clear();
  }

  /** Takes in a segment that is on the disk, with its entries; `gone` is what was written beside it. */
  addSegment(number: number, headBytes: number, head: HeadReader, gone: Uint8Array | undefined) {
    const { count, length } = head;
    let blobs: Map<number, Order> | undefined;
    let live = 0;
    let first = -1;
    const runs = new RunCounter();
    while (head.next()) {
      const { at, kind } = head;
      if (kind === Kind.void || isGone(gone, at)) continue;
      const session = this.byNumber.get(head.session);
      if (session === undefined) {
        throw damaged(`segment ${number}`, `session ${head.session} is not there`);
      }
      live += 1;
      if (first === -1) first = session.number;
      runs.count(kind, session.number, head.sameMessage);
      const place = placeAt(number, at);
      if (kind === Kind.queued) {
        if (putQueued(this, session, head.order, place, head.size) !== NOWHERE) {
          throw damaged(`segment ${number}`, `order ${head.order} is queued twice`);
        }
      } else if (putId(session, kind, head.packetId, place) !== NOWHERE) {
        throw damaged(`segment ${number}`, `Packet Identifier ${head.packetId} is there twice`);
      }
      if ((kind === Kind.queued || kind === Kind.inflight) && head.messageLength === 0) {
        (blobs ??= new Map()).set(at, head.order);
        this.blobs.set(head.order, (this.blobs.get(head.order) ?? 0) + 1);
      }
    }
    this.segments.set(number, {
      number,
      count,
      live,
      bytes: headBytes + length,
      blocks: Math.ceil(length / BLOCK),
      tier: head.tier,
      runs: runs.runs,
      first,
      gone,
      blobs,
    });
  }
}

/** Puts a message into a session's queue; the place that the same order had, or `NOWHERE`. */
export function putQueued(
  { rows }: StoreIndex,
  session: SessionEntry,
  order: Order,
  place: Place,
  size: number,
): Place {
  session.queue ??= new PlaceQueue(rows);
  return session.queue.put(order, place, size);
}

/** Takes a message out of a session's queue; the place that it had, or `NOWHERE`. */
export function deleteQueued(session: SessionEntry, order: Order): Place {
  const { queue } = session;
  if (queue === undefined) return NOWHERE;
  const place = queue.delete(order);
  if (queue.size === 0) session.queue = undefined;
  return place;
}

/** Puts a Packet Identifier in either direction; the place that it had, or `NOWHERE`. */
export function putId(session: SessionEntry, kind: Kind, packetId: PacketId, place: Place): Place {
  const ids = kind === Kind.received
    ? session.received ??= new Map()
    : session.inflight ??= new Map();
  const before = ids.get(packetId) ?? NOWHERE;
  ids.set(packetId, place);
  return before;
}

/** Takes a Packet Identifier of either direction away; the place that it had, or `NOWHERE`. */
export function deleteId(session: SessionEntry, kind: Kind, packetId: PacketId): Place {
  const ids = kind === Kind.received ? session.received : session.inflight;
  const place = ids?.get(packetId);
  if (place === undefined) return NOWHERE;
  ids!.delete(packetId);
  return place;
}

export function placeAt(segment: number, at: number): Place {
  return segment * ENTRIES + at;
}

export function segmentOf(place: Place): number {
  return Math.floor(place / ENTRIES);
}

export function entryOf(place: Place): number {
  return place % ENTRIES;
}

export function isGone(gone: Uint8Array | undefined, at: number): boolean {
  return gone !== undefined && (gone[at >> 3]! & (1 << (at & 7))) !== 0;
}
