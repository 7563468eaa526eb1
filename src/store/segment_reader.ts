/**
 * Entries of segments by their places, read from Deno KV with few reads: what stands in one block is
 * read together, and the blocks of late are kept, up to a bound.
 */

import type { Order } from "../session/message.ts";
import type { Delivery, Message } from "../session/message.ts";
import { joined, whole } from "./chunk.ts";
import type { Kv } from "./kv.ts";
import { blobKey, blockKey, headKey } from "./kv_key.ts";
import type { Place } from "./place_queue.ts";
import { decodeMessage } from "./record.ts";
import type { Entry } from "./segment.ts";
import { BLOCK, deliveryOf, HeadReader, Kind, messageAt } from "./segment.ts";
import { damaged } from "./store_error.ts";
import type { StoreIndex } from "./store_index.ts";
import { entryOf, segmentOf } from "./store_index.ts";

/** Bytes of heads and blocks that are kept. */
const MOST_KEPT = 4 << 20;
/** Segments that are read at once: their blocks are all in memory meanwhile. */
const AT_ONCE = 16;

/** An entry that was read; `delivery` is undefined where its kind has none, or it was not asked for. */
export interface Read extends Entry {
  readonly place: Place;
  readonly delivery: Delivery | undefined;
}

/** Where the bytes of an entry stand. */
interface Found extends Omit<Entry, "message" | "subscriptionIdentifiers" | "group"> {
  readonly place: Place;
  readonly messageAt: number;
  readonly messageLength: number;
  readonly extraAt: number;
  readonly extraLength: number;
}

export class SegmentReader {
  readonly #kv: Kv;
  readonly #index: StoreIndex;
  /** The least recently used first. A key is a segment's number times 65,536 plus a block's, or -1. */
  readonly #kept = new Map<number, Uint8Array>();
  #bytes = 0;

  constructor(kv: Kv, index: StoreIndex) {
    this.#kv = kv;
    this.#index = index;
  }

  /** The head of a segment. */
  async head(segment: number): Promise<HeadReader> {
    const [head] = await this.#heads([segment]);
    return head!;
  }

  /**
   * The entries at these places, in the same order.
   *
   * @param blobs whether large messages are wanted; without, those entries have no delivery
   */
  async read(places: readonly Place[], blobs: boolean): Promise<Read[]> {
    const bySegment = new Map<number, Place[]>();
    for (const place of places) {
      const others = bySegment.get(segmentOf(place));
      if (others === undefined) bySegment.set(segmentOf(place), [place]);
      else others.push(place);
    }
    const read = new Map<Place, Read>();
    const segments = [...bySegment.keys()];
    for (let from = 0; from < segments.length; from += AT_ONCE) {
      const some = segments.slice(from, from + AT_ONCE);
      const heads = await this.#heads(some);
      const found = some.map((number, n) => find(number, heads[n]!, bySegment.get(number)!));
      const blocks = await this.#blocks(found.flat());
      for (const entry of found.flat()) {
        read.set(entry.place, await this.#entry(entry, blocks, blobs));
      }
    }
    return places.map((place) => {
      const entry = read.get(place);
      if (entry === undefined) throw damaged(`segment ${segmentOf(place)}`, "an entry is missing");
      return entry;
    });
  }

  async #entry(found: Found, blocks: Map<number, Uint8Array>, blobs: boolean): Promise<Read> {
    const { kind, order, qos, retain, messageLength, extraLength } = found;
    let delivery: Delivery | undefined;
    let subscriptionIdentifiers: readonly number[] | undefined;
    let group: string | undefined;
    if (kind === Kind.queued || kind === Kind.inflight) {
      const extra = extraLength === 0
        ? undefined
        : bytesAt(blocks, found.place, found.extraAt, extraLength);
      let message: Message | undefined;
      if (messageLength > 0) {
        message = messageAt(bytesAt(blocks, found.place, found.messageAt, messageLength), order);
      } else if (blobs) message = await this.#blob(order);
      // Without its message the rest of the delivery is wanted all the same.
      const known = deliveryOf(message ?? NO_MESSAGE, qos, retain, extra);
      ({ subscriptionIdentifiers, group } = known);
      if (message !== undefined) delivery = known;
    }
    return {
      kind,
      session: found.session,
      packetId: found.packetId,
      order,
      size: found.size,
      blob: found.blob,
      message: delivery?.message,
      qos,
      retain,
      subscriptionIdentifiers,
      group,
      awaiting: found.awaiting,
      sequence: found.sequence,
      sentAt: found.sentAt,
      place: found.place,
      delivery,
    };
  }

  async #blob(order: Order): Promise<Message> {
    const key = blobKey(order);
    const [first] = await this.#kv.get([key]);
    if (first === undefined) throw damaged(`message ${order}`, "it is missing");
    return decodeMessage(await whole(this.#kv, this.#index.rests, key, first));
  }

  async #heads(segments: readonly number[]): Promise<HeadReader[]> {
    const heads = await this.#get(segments.map((segment) => blockId(segment, -1)));
    return segments.map((segment) => new HeadReader(heads.get(blockId(segment, -1))!));
  }

  /** The blocks that the entries stand in. */
  #blocks(found: readonly Found[]): Promise<Map<number, Uint8Array>> {
    const ids = new Set<number>();
    for (const { place, kind, messageAt, messageLength, extraAt, extraLength } of found) {
      if (kind !== Kind.queued && kind !== Kind.inflight) continue;
      addBlocks(ids, segmentOf(place), messageAt, messageLength);
      addBlocks(ids, segmentOf(place), extraAt, extraLength);
    }
    return this.#get([...ids]);
  }

  /** Heads and blocks by their ids. */
  async #get(ids: readonly number[]): Promise<Map<number, Uint8Array>> {
    const got = new Map<number, Uint8Array>();
    const missing: number[] = [];
    for (const id of ids) {
      const bytes = this.#kept.get(id);
      if (bytes === undefined) {
        missing.push(id);
        continue;
      }
      got.set(id, bytes);
      this.#kept.delete(id);
      this.#kept.set(id, bytes);
    }
    const read = await this.#kv.get(missing.map(keyOf));
    for (let i = 0; i < missing.length; i++) {
      const id = missing[i]!;
      const bytes = read[i];
      if (bytes === undefined) throw damaged(`key ${JSON.stringify(keyOf(id))}`, "it is missing");
      got.set(id, bytes);
      this.#keep(id, bytes);
    }
    return got;
  }

  #keep(id: number, bytes: Uint8Array): void {
    this.#kept.set(id, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= MOST_KEPT) return;
      this.#kept.delete(oldest);
      this.#bytes -= length;
    }
  }
}

const NO_MESSAGE: Message = {
  order: 0,
  topic: "",
  payload: new Uint8Array(0),
  qos: 0,
  retain: false,
  properties: undefined,
  expiresAt: Infinity,
  publisher: "",
};

function blockId(segment: number, block: number): number {
  return segment * 65_536 + block + 1;
}

function keyOf(id: number) {
  const segment = Math.floor(id / 65_536);
  const block = id % 65_536 - 1;
  return block === -1 ? headKey(segment) : blockKey(segment, block);
}

function addBlocks(ids: Set<number>, segment: number, at: number, length: number): void {
  if (length === 0) return;
  const last = Math.floor((at + length - 1) / BLOCK);
  for (let n = Math.floor(at / BLOCK); n <= last; n++) ids.add(blockId(segment, n));
}

/** Bytes of a segment's stream, a view where they stand in one block. */
function bytesAt(
  blocks: ReadonlyMap<number, Uint8Array>,
  place: Place,
  at: number,
  length: number,
): Uint8Array {
  const parts: Uint8Array[] = [];
  const end = at + length;
  for (let n = Math.floor(at / BLOCK); n * BLOCK < end; n++) {
    const block = blocks.get(blockId(segmentOf(place), n));
    if (block === undefined) throw damaged(`segment ${segmentOf(place)}`, "a block is missing");
    parts.push(block.subarray(Math.max(0, at - n * BLOCK), end - n * BLOCK));
  }
  return parts.length === 1 ? parts[0]! : joined(parts);
}

/** Where the entries at these places stand, by walking once along the head. */
function find(segment: number, head: HeadReader, places: readonly Place[]): Found[] {
  const sorted = places.toSorted((a, b) => a - b);
  const found: Found[] = [];
  for (const place of sorted) {
    while (head.at < entryOf(place) && head.next());
    if (head.at !== entryOf(place)) throw damaged(`segment ${segment}`, "an entry is missing");
    found.push({
      place,
      kind: head.kind,
      session: head.session,
      packetId: head.packetId,
      order: head.order,
      size: head.size,
      blob: head.messageLength === 0 &&
        (head.kind === Kind.queued || head.kind === Kind.inflight),
      qos: head.qos,
      retain: head.retain,
      awaiting: head.awaiting,
      sequence: head.sequence,
      sentAt: head.sentAt,
      messageAt: head.messageAt,
      messageLength: head.messageLength,
      extraAt: head.extraAt,
      extraLength: head.extraLength,
    });
  }
  return found;
}
