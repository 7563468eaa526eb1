/**
 * Entries of segments by their places, read from Deno KV with few reads: what stands in one block is
 * read together, and the blocks of late are kept, up to a bound.
 */

import { joined } from "../packet/joined.ts";
import type { Order } from "../session/message.ts";
import type { Delivery, Message } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import { whole } from "./chunk.ts";
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
/** Segments that are read at once, or copied from: their blocks are all in memory meanwhile. */
const AT_ONCE = 16;
const COPIED_AT_ONCE = 64;

/** An entry that was read; `delivery` is undefined where its kind has none. */
export interface Read {
  readonly order: Order;
  readonly packetId: number;
  readonly awaiting: Inflight["awaiting"];
  readonly sequence: number;
  readonly sentAt: number;
  readonly delivery: Delivery | undefined;
}

type Content = "message" | "bytes" | "subscriptionIdentifiers" | "group" | "extra";

/** Where the bytes of an entry stand. */
interface Found extends Pick<Entry, Exclude<keyof Entry, Content>> {
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
  /** Blocks that are kept no longer; the call that is under way may still look into them. */
  #retired: Uint8Array[] = [];

  constructor(kv: Kv, index: StoreIndex) {
    this.#kv = kv;
    this.#index = index;
  }

  /** The head of a segment. */
  async head(segment: number): Promise<HeadReader> {
    const [head] = await this.#heads([segment]);
    return head!;
  }

  /** The entries at these places, in the same order, with their messages. */
  async read(places: readonly Place[]): Promise<Read[]> {
    const read: Read[] = [];
    await this.#each(places, undefined, async (found, blocks) => {
      const { order, packetId, awaiting, sequence, sentAt } = found;
      const delivery = await this.#delivery(found, blocks);
      read.push({ order, packetId, awaiting, sequence, sentAt, delivery });
    });
    return read;
  }

  /**
   * The entries at these places, in the same order, as they can be written again.
   *
   * @param heads of their segments, kept by the caller from one call to the next so that each is walked
   * along only once
   */
  async copy(places: readonly Place[], heads: Map<number, HeadReader>): Promise<Entry[]> {
    const copies: Entry[] = [];
    await this.#each(places, heads, ({ place, messageAt, messageLength, ...found }, blocks) => {
      const { extraAt, extraLength, ...entry } = found;
      copies.push({
        ...entry,
        message: undefined,
        bytes: messageLength === 0 ? undefined : bytesAt(blocks, place, messageAt, messageLength),
        subscriptionIdentifiers: undefined,
        group: undefined,
        extra: extraLength === 0 ? undefined : bytesAt(blocks, place, extraAt, extraLength),
      });
    });
    return copies;
  }

  /** Calls `take` with each place's entry, in their order, and the blocks that it stands in. */
  async #each(
    places: readonly Place[],
    kept: Map<number, HeadReader> | undefined,
    take: (found: Found, blocks: ReadonlyMap<number, Uint8Array>) => Promise<void> | void,
  ): Promise<void> {
    this.#free();
    // As many places at once as stand in few segments: all their blocks are in memory meanwhile.
    for (let from = 0; from < places.length;) {
      const bySegment = new Map<number, Place[]>();
      let to = from;
      for (; to < places.length; to++) {
        const place = places[to]!;
        const others = bySegment.get(segmentOf(place));
        if (others !== undefined) others.push(place);
        else if (bySegment.size < (kept === undefined ? AT_ONCE : COPIED_AT_ONCE)) {
          bySegment.set(segmentOf(place), [place]);
        } else break;
      }
      const numbers = [...bySegment.keys()];
      for (const places of bySegment.values()) places.sort((a, b) => a - b);
      const passed = numbers.filter((number) => {
        const head = kept?.get(number);
        return head === undefined || head.at >= entryOf(bySegment.get(number)![0]!);
      });
      const fresh = await this.#heads(passed);
      const found = new Map<Place, Found>();
      for (const number of numbers) {
        const at = passed.indexOf(number);
        const head = at >= 0 ? fresh[at]! : kept!.get(number)!;
        kept?.set(number, head);
        find(number, head, bySegment.get(number)!, found);
      }
      const blocks = await this.#blocks(found.values());
      for (; from < to; from++) await take(found.get(places[from]!)!, blocks);
    }
  }

  async #delivery(
    found: Found,
    blocks: ReadonlyMap<number, Uint8Array>,
  ): Promise<Delivery | undefined> {
    const { kind, place, order, qos, retain, messageLength, extraLength } = found;
    if (kind !== Kind.queued && kind !== Kind.inflight) return undefined;
    const message = messageLength === 0
      ? await this.#blob(order)
      : messageAt(bytesAt(blocks, place, found.messageAt, messageLength), order);
    const extra = extraLength === 0
      ? undefined
      : bytesAt(blocks, place, found.extraAt, extraLength);
    return deliveryOf(message, qos, retain, extra);
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
  #blocks(found: Iterable<Found>): Promise<Map<number, Uint8Array>> {
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
      // Heads may be held on to by a regrouping.
      if (!isHead(oldest)) this.#retired.push(this.#kept.get(oldest)!);
      this.#kept.delete(oldest);
      this.#bytes -= length;
    }
  }

  /** Gives the memory of retired blocks back at once: the garbage collector would let 64 MB of it gather. */
  #free(): void {
    for (const { buffer } of this.#retired) (buffer as ArrayBuffer).transfer(0);
    this.#retired = [];
  }
}

function blockId(segment: number, block: number): number {
  return segment * 65_536 + block + 1;
}

function keyOf(id: number) {
  const segment = Math.floor(id / 65_536);
  const block = id % 65_536 - 1;
  return block === -1 ? headKey(segment) : blockKey(segment, block);
}

function isHead(id: number): boolean {
  return id % 65_536 === 0;
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

/** Where the entries at these places of a segment stand, in order, by walking once along the head. */
function find(
  segment: number,
  head: HeadReader,
  places: readonly Place[],
  found: Map<Place, Found>,
): void {
  for (const place of places) {
    const entry = entryOf(place);
    while (head.at < entry && head.next());
    if (head.at !== entry) throw damaged(`segment ${segment}`, "an entry is missing");
    const carries = head.kind === Kind.queued || head.kind === Kind.inflight;
    found.set(place, {
      place,
      kind: head.kind,
      session: head.session,
      packetId: head.packetId,
      order: head.order,
      size: head.size,
      blob: carries && head.messageLength === 0,
      qos: head.qos,
      retain: head.retain,
      awaiting: head.awaiting,
      sequence: head.sequence,
      sentAt: head.sentAt,
      messageAt: head.messageAt,
      messageLength: carries ? head.messageLength : 0,
      extraAt: head.extraAt,
      extraLength: carries ? head.extraLength : 0,
    });
  }
}
