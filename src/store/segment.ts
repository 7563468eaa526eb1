/**
 * What one commit adds to the queues and the windows of sessions ⇄ few values: a *head* that names the
 * entries, and *blocks* that hold their messages. Section 7 of the architecture.
 *
 * The head is what start-up reads: session, order and size of an entry, but no message. Messages stand
 * one after the other in a stream, which is cut into blocks; a place in it is not written, as it is the
 * sum of the lengths before it. A message that the next entries have too stands there once. A large
 * one (a *blob*) stands elsewhere under its order, and its length here is 0.
 *
 * Entries never change. Which of them are gone is written beside the segment. How often they were
 * regrouped by session (`kv_tidy.ts`) is their segment's *tier*.
 */

import { frameMemory } from "../packet/frame_memory.ts";
import type { QoS } from "../packet/packet.ts";
import type { Delivery, Message, Order } from "../session/message.ts";
import type { Inflight } from "../session/session.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { begun, opened, readMessage, readNumbers, writeMessage, writeNumbers } from "./record.ts";

/** Bytes of a block: a value of Deno KV takes 65,536. */
export const BLOCK = 61_440;

/** An entry takes at most 48 bytes of the head, so that a head is one value. */
export const MOST_ENTRIES = 1_250;

/** What an entry is: taken back in its own commit, queued, inflight (with or without its message), received. */
export const Kind = { void: 0, queued: 1, inflight: 2, released: 3, received: 4 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** An entry that is to be written. The fields that its kind does not have are 0 or undefined. */
export interface Entry {
  kind: Kind;
  readonly session: number;
  readonly packetId: number;
  readonly order: Order;
  /** As limits count it. */
  readonly size: number;
  readonly blob: boolean;
  /** Of a blob not needed, nor where `bytes` has it. */
  readonly message: Message | undefined;
  /** The message as it stands in another segment, to be copied. */
  readonly bytes: Uint8Array | undefined;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  readonly group: string | undefined;
  /** Both of them as they stand in another segment. */
  readonly extra: Uint8Array | undefined;
  readonly awaiting: Inflight["awaiting"];
  readonly sequence: number;
  readonly sentAt: number;
}

const AWAITING = ["puback", "pubrec", "pubcomp"] as const;

const SAME_SESSION = 64;
const SAME_MESSAGE = 128;
const SAME_TIME = 4;
const HAS_EXTRA = 8;

/** Memory to write segments into, used again from one batch to the next. */
export class SegmentMemory {
  readonly rows = new ByteWriter(16_384);
  readonly stream = new ByteWriter(65_536);

  /** What was written before need no longer be there. */
  clear(): void {
    this.stream.clear(MOST_KEPT);
  }
}

/** Bytes of it that are kept for the next batch. */
const MOST_KEPT = 1 << 20;

/** Head and blocks of a segment; the blocks are views, valid until `memory` is cleared. */
export function encodeSegment(
  entries: readonly Entry[],
  tier = 0,
  memory = new SegmentMemory(),
): { head: Uint8Array; blocks: Uint8Array[] } {
  const { rows, stream } = memory;
  rows.clear(MOST_KEPT);
  const begin = stream.length;
  let session = -1;
  let order: Order = -1;
  let lastOrder: Order = 0;
  let sequence = 0;
  let sentAt = -1;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    const { kind } = entry;
    if (kind === Kind.void) {
      rows.byte(Kind.void);
      continue;
    }
    const carries = kind === Kind.queued || kind === Kind.inflight;
    const sameMessage = carries && entry.order === order;
    rows.byte(
      kind | (entry.qos << 3) | (entry.retain ? 32 : 0) |
        (entry.session === session ? SAME_SESSION : 0) | (sameMessage ? SAME_MESSAGE : 0),
    );
    if (entry.session !== session) rows.varint(session = entry.session);
    if (kind !== Kind.queued) rows.varint(entry.packetId);
    if (kind === Kind.received) continue;
    const extra = entry.extra !== undefined || entry.subscriptionIdentifiers !== undefined ||
      entry.group !== undefined;
    rows.byte(
      AWAITING.indexOf(entry.awaiting) | (entry.sentAt === sentAt ? SAME_TIME : 0) |
        (extra ? HAS_EXTRA : 0),
    );
    if (kind !== Kind.queued) {
      rows.signed(entry.sequence - sequence);
      sequence = entry.sequence;
      if (entry.sentAt !== sentAt) rows.float(sentAt = entry.sentAt);
    }
    if (!carries) continue;
    if (!sameMessage) {
      rows.signed(entry.order - lastOrder);
      rows.varint(entry.size);
      order = lastOrder = entry.order;
      const start = stream.length;
      if (entry.bytes !== undefined) stream.raw(entry.bytes);
      else if (!entry.blob) writeMessage(stream, entry.message!);
      rows.varint(stream.length - start);
    }
    if (extra) {
      const start = stream.length;
      if (entry.extra !== undefined) stream.raw(entry.extra);
      else writeExtra(stream, entry.subscriptionIdentifiers, entry.group);
      rows.varint(stream.length - start);
    }
  }
  const head = begun(rows.length + 16);
  head.varint(entries.length);
  head.varint(stream.length - begin);
  head.byte(tier);
  head.raw(rows.view());
  const blocks: Uint8Array[] = [];
  for (let at = begin; at < stream.length; at += BLOCK) blocks.push(stream.view(at, at + BLOCK));
  return { head: head.slice(), blocks };
}

/** Walks along a head; its fields are those of the entry that `next()` has come to. */
export class HeadReader {
  readonly #from: ByteReader;
  /** Entries in the segment. */
  readonly count: number;
  /** Bytes in its blocks. */
  readonly length: number;
  readonly tier: number;
  /** The entry's number in the segment. */
  at = -1;
  kind: Kind = Kind.void;
  session = -1;
  packetId = 0;
  order: Order = 0;
  size = 0;
  /** It has the message of the entry before. */
  sameMessage = false;
  /** Where the message stands in the stream; length 0 when it is a blob. */
  messageAt = 0;
  messageLength = 0;
  extraAt = 0;
  extraLength = 0;
  qos: QoS = 0;
  retain = false;
  awaiting: Inflight["awaiting"] = "puback";
  sequence = 0;
  sentAt = -1;
  #end = 0;

  constructor(head: Uint8Array) {
    this.#from = opened(head, "the head of a segment");
    this.count = this.#from.varint();
    this.length = this.#from.varint();
    this.tier = this.#from.byte();
  }

  /** Goes on to the next entry; false after the last. */
  next(): boolean {
    const from = this.#from;
    if (++this.at >= this.count) {
      from.end();
      return false;
    }
    const flags = from.byte();
    const kind = flags & 7;
    if (kind > Kind.received) throw from.wrong(`an entry of kind ${kind}`);
    this.kind = kind as Kind;
    this.sameMessage = false;
    if (kind === Kind.void) return true;
    this.qos = ((flags >> 3) & 3) as QoS;
    this.retain = (flags & 32) !== 0;
    if ((flags & SAME_SESSION) === 0) this.session = from.varint();
    if (kind !== Kind.queued) this.packetId = from.varint();
    if (kind === Kind.received) return true;
    const detail = from.byte();
    if (kind !== Kind.queued) {
      this.awaiting = AWAITING[detail & 3] ?? "puback";
      this.sequence += from.signed();
      if ((detail & SAME_TIME) === 0) this.sentAt = from.float();
      if (kind === Kind.released) return true;
    }
    this.sameMessage = (flags & SAME_MESSAGE) !== 0;
    if (!this.sameMessage) {
      this.order += from.signed();
      this.size = from.varint();
      this.messageAt = this.#end;
      this.messageLength = from.varint();
      this.#end += this.messageLength;
    }
    this.extraAt = this.#end;
    this.extraLength = (detail & HAS_EXTRA) === 0 ? 0 : from.varint();
    this.#end += this.extraLength;
    return true;
  }
}

/** What an entry adds to its message; `extra` is what `HeadReader` told the place of. */
export function deliveryOf(
  message: Message,
  qos: QoS,
  retain: boolean,
  extra: Uint8Array | undefined,
): Delivery {
  if (extra === undefined) {
    return { message, qos, retain, subscriptionIdentifiers: undefined, group: undefined };
  }
  const from = new ByteReader(extra, "a delivery");
  const flags = from.byte();
  const subscriptionIdentifiers = (flags & 1) !== 0 ? readNumbers(from) : undefined;
  const group = (flags & 2) !== 0 ? from.text() : undefined;
  from.end();
  return { message, qos, retain, subscriptionIdentifiers, group };
}

/** Counts, entry by entry, the sessions that a segment has queued messages of: again where they alternate. */
export class RunCounter {
  runs = 0;
  #session = -1;

  /** @param sameMessage it stands beside others of the same message, and better stays there */
  count(kind: Kind, session: number, sameMessage: boolean): void {
    if (kind !== Kind.queued || sameMessage || session === this.#session) return;
    this.#session = session;
    this.runs += 1;
  }
}

/** The message of an entry. */
export function messageAt(bytes: Uint8Array, order: Order): Message {
  // A copy: else a message that waits would hold on to its whole block.
  const copy = frameMemory(bytes.length);
  copy.set(bytes);
  const from = new ByteReader(copy, "a message in a segment");
  const message = readMessage(from, false);
  if (message.order !== order) throw from.wrong(`order ${message.order}, expected ${order}`);
  return message;
}

function writeExtra(
  to: ByteWriter,
  identifiers: readonly number[] | undefined,
  group: string | undefined,
): void {
  to.byte((identifiers === undefined ? 0 : 1) | (group === undefined ? 0 : 2));
  if (identifiers !== undefined) writeNumbers(to, identifiers);
  if (group !== undefined) to.text(group);
}
