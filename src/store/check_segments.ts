/**
 * The part of `check_store.ts` that looks at segments: heads, blocks and marks together, every entry's
 * message, that its session is there, and that nothing is there twice.
 */

import { joined } from "../packet/joined.ts";
import { NO_MESSAGE } from "../session/message.ts";
import type { CheckedSession, Checking, LostKind } from "./checking.ts";
import { decoded, deletion, numberIn, orphan, plausible, put, seen } from "./checking.ts";
import type { Change, Key } from "./kv.ts";
import { blockKey, goneKey, headKey } from "./kv_key.ts";
import { BLOCK, deliveryOf, HeadReader, Kind, messageAt, MOST_ENTRIES } from "./segment.ts";
import { entryOf, isGone, placeAt, segmentOf } from "./store_index.ts";

/** What is known of a segment; no message. */
interface CheckedSegment {
  readonly number: number;
  readonly count: number;
  readonly blocks: number;
  gone: Uint8Array | undefined;
  live: number;
  /** Its marks must be written anew. */
  marked: boolean;
}

/** A record as it was listed. */
interface Listed {
  readonly key: Key;
  readonly value: Uint8Array;
}

/** Checks all segments; sessions and large messages must be known. */
export async function checkSegments(checking: Checking): Promise<void> {
  const { kv } = checking;
  const marks = new Map<number, Uint8Array>();
  for await (const { key, value } of kv.list(["e"])) {
    const number = numberIn(key, 2);
    if (number === undefined) await orphan(checking, key, "no key of a segment's marks");
    else marks.set(number, value);
  }
  const segments = new Map<number, CheckedSegment>();
  // Both are by segment: a block whose head does not come is passed.
  const blocks = kv.list(["b"])[Symbol.asyncIterator]();
  let block = await blocks.next();
  const passBlocks = async (before: number) => {
    for (; !block.done; block = await blocks.next()) {
      const { key } = block.value;
      const of = numberIn(key, 3) ?? -1;
      if (of >= before) return;
      await orphan(checking, key, "the segment that it is a block of is not there");
    }
  };
  for await (const head of kv.list(["h"])) {
    const number = numberIn(head.key, 2);
    if (number === undefined) {
      await orphan(checking, head.key, "no key of a segment");
      continue;
    }
    if (number > checking.last) checking.last = number;
    await passBlocks(number);
    const own: Listed[] = [];
    for (; !block.done && block.value.key[1] === number; block = await blocks.next()) {
      own.push(block.value);
    }
    const checker = new SegmentChecker(checking, segments, number, own);
    await checker.check(head, marks.get(number));
    marks.delete(number);
  }
  await passBlocks(Infinity);
  for (const number of marks.keys()) {
    await orphan(checking, goneKey(number), "the segment whose marks it is is not there");
  }
  for (const segment of segments.values()) await settle(checking, segment);
}

class SegmentChecker {
  readonly #checking: Checking;
  readonly #segments: Map<number, CheckedSegment>;
  readonly #number: number;
  readonly #own: readonly Listed[];
  readonly #blocks = new Map<number, Uint8Array>();
  /** The message of the entry before, as the next may have the same. */
  #last = { order: -1, problem: undefined as string | undefined };

  constructor(
    checking: Checking,
    segments: Map<number, CheckedSegment>,
    number: number,
    own: readonly Listed[],
  ) {
    this.#checking = checking;
    this.#segments = segments;
    this.#number = number;
    this.#own = own;
  }

  async check({ key, value }: Listed, marks: Uint8Array | undefined): Promise<void> {
    const whole = decoded(() => {
      const head = new HeadReader(value);
      if (head.count > MOST_ENTRIES) throw new Error(`${head.count} entries`);
      while (head.next());
      return head;
    });
    if (typeof whole === "string") {
      const repair = [deletion(key), deletion(goneKey(this.#number))];
      for (const block of this.#own) repair.push(deletion(block.key));
      return await this.#checking.found({ key, found: whole, lost: "segments", repair });
    }
    const { count, length } = whole;
    const segment: CheckedSegment = {
      number: this.#number,
      count,
      blocks: Math.ceil(length / BLOCK),
      gone: marks?.slice(),
      live: 0,
      marked: false,
    };
    await this.#checkBlocks(segment, length);
    await this.#checkMarks(segment);
    this.#segments.set(this.#number, segment);
    const head = new HeadReader(value);
    while (head.next()) {
      if (head.kind !== Kind.void && !isGone(segment.gone, head.at)) {
        await this.#checkEntry(segment, head);
      }
    }
  }

  /** A block that is missing or too short is told of by the entries that need it. */
  async #checkBlocks(segment: CheckedSegment, length: number): Promise<void> {
    for (const { key, value } of this.#own) {
      const n = key[2];
      if (typeof n !== "number" || !Number.isInteger(n) || n < 0 || n >= segment.blocks) {
        await orphan(this.#checking, key, "its segment has no such block");
      } else if (value.length === Math.min(BLOCK, length - n * BLOCK)) {
        this.#blocks.set(n, value);
      }
    }
  }

  async #checkMarks(segment: CheckedSegment): Promise<void> {
    const { gone, count } = segment;
    const bytes = (count + 7) >> 3;
    if (gone === undefined || gone.length === bytes) return;
    // What they said cannot be told: a message twice is better than none.
    segment.gone = undefined;
    const key = goneKey(this.#number);
    const found =
      `${gone.length} bytes, expected ${bytes}: what was acknowledged is delivered again`;
    await this.#checking.found({ key, found, lost: "nothing", repair: [deletion(key)] });
  }

  async #checkEntry(segment: CheckedSegment, head: HeadReader): Promise<void> {
    const { counts, sessions } = this.#checking;
    const carries = head.kind === Kind.queued || head.kind === Kind.inflight;
    const kind = head.kind === Kind.queued
      ? "queued"
      : head.kind === Kind.received
      ? "received"
      : "inflight";
    if (carries) seen(this.#checking, head.order);
    const session = sessions.get(head.session);
    const problem = session === undefined
      ? `session ${head.session} is not there`
      : head.kind !== Kind.queued && (head.packetId < 1 || head.packetId > 65_535)
      ? `Packet Identifier ${head.packetId}`
      : carries
      ? this.#messageProblem(head)
      : undefined;
    const place = placeAt(this.#number, head.at);
    segment.live += 1;
    counts[kind] += 1;
    if (problem !== undefined) {
      const what = carries ? `message ${head.order} of entry ${head.at}` : `entry ${head.at}`;
      return await this.#kill(place, kind, `${what}: ${problem}`);
    }
    const before = placeOf(session!, head, place);
    if (before !== undefined) { // the marks of the older one were lost
      const id = head.kind === Kind.queued ? `order ${head.order}` : `id ${head.packetId}`;
      await this.#kill(before, kind, `${id} of a session is there twice`, "nothing");
    }
    if (carries && head.messageLength === 0) this.#checking.blobs.set(head.order, true);
  }

  /** What is wrong with the message of an entry. */
  #messageProblem(head: HeadReader): string | undefined {
    // What stands in a segment's stream is there once for the entries after it; extras are each one's own.
    if (head.extraLength > 0 || head.messageLength === 0 || head.order !== this.#last.order) {
      this.#last = { order: head.order, problem: this.#read(head) };
    }
    return this.#last.problem;
  }

  #read(head: HeadReader): string | undefined {
    const { order, messageLength } = head;
    const extra = head.extraLength === 0 ? undefined : this.#bytes(head.extraAt, head.extraLength);
    if (typeof extra === "string") return extra;
    if (messageLength === 0 && !this.#checking.blobs.has(order)) return "it is missing";
    const bytes = messageLength === 0 ? undefined : this.#bytes(head.messageAt, messageLength);
    if (typeof bytes === "string") return bytes;
    const read = decoded(() => {
      // A large message was looked at where it stands.
      const message = bytes === undefined ? undefined : plausible(messageAt(bytes, order));
      return deliveryOf(message ?? NO_MESSAGE, head.qos, head.retain, extra);
    });
    return typeof read === "string" ? read : undefined;
  }

  /** Bytes of the segment's stream. */
  #bytes(at: number, length: number): Uint8Array | string {
    const parts: Uint8Array[] = [];
    const end = at + length;
    for (let n = Math.floor(at / BLOCK); n * BLOCK < end; n++) {
      const block = this.#blocks.get(n);
      if (block === undefined) return `block ${n} is missing or cut off`;
      parts.push(block.subarray(Math.max(0, at - n * BLOCK), end - n * BLOCK));
    }
    return parts.length === 1 ? parts[0]! : joined(parts);
  }

  /** The entry at a place goes: it is marked, and the marks are written at the end. */
  async #kill(
    place: number,
    kind: "queued" | "received" | "inflight",
    found: string,
    lost: LostKind = kind,
  ): Promise<void> {
    const segment = this.#segments.get(segmentOf(place))!;
    const entry = entryOf(place);
    segment.gone ??= new Uint8Array((segment.count + 7) >> 3);
    segment.gone[entry >> 3]! |= 1 << (entry & 7);
    segment.live -= 1;
    segment.marked = true;
    this.#checking.counts[kind] -= 1;
    await this.#checking.found({ key: headKey(segment.number), found, lost, repair: [] });
  }
}

/** Gives an entry its place in its session; the place of another that was there for the same. */
function placeOf(session: CheckedSession, head: HeadReader, place: number): number | undefined {
  const map: Map<number, number> = head.kind === Kind.queued
    ? session.queue
    : head.kind === Kind.received
    ? session.received
    : session.inflight;
  const id = head.kind === Kind.queued ? head.order : head.packetId;
  const before = map.get(id);
  map.set(id, place);
  return before;
}

/** The changes that entries of a segment make to it, when all are known. */
async function settle(checking: Checking, segment: CheckedSegment): Promise<void> {
  const { number, live, gone, marked, blocks } = segment;
  const key = headKey(number);
  if (live > 0) {
    if (!marked) return;
    const repair = [put(goneKey(number), gone!)];
    const found = "entries of it cannot be read";
    return await checking.found({ key: goneKey(number), found, lost: "nothing", repair });
  }
  const repair: Change[] = [deletion(key), deletion(goneKey(number))];
  for (let n = 0; n < blocks; n++) repair.push(deletion(blockKey(number, n)));
  await checking.found({ key, found: "nobody needs this segment", lost: "nothing", repair });
}
