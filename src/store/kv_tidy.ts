/**
 * Keeps segments few, full, and grouped by session: which of them are worth being written together anew,
 * and their entries in the order in which they should stand. Without it a million messages that came one
 * by one would be a million segments, one message that is never fetched would hold on to all that came
 * with it, and a queue that was filled among a thousand others would be read with a thousand reads.
 *
 * Bounded work: a regrouping takes few segments and is done in steps of one atomic each, any of which
 * may be the last. An entry is regrouped by session `MOST_TIERS` times at most.
 */

import type { Place } from "./place_queue.ts";
import { Kind, MOST_ENTRIES } from "./segment.ts";
import type { HeadReader } from "./segment.ts";
import type { SegmentReader } from "./segment_reader.ts";
import type { Segment, StoreIndex } from "./store_index.ts";
import { entryOf, isGone, placeAt, segmentOf } from "./store_index.ts";

/** Segments by how many entries they have left: so many of one class are let be, so many are moved. */
const CLASSES = [
  { live: 32, few: 256, moved: 128 },
  { live: 512, few: 64, moved: 32 },
] as const;
/** A segment with this many bytes in use is large enough, however few its entries. */
const LARGE = 60_000;
/** A segment whose runs of one session have fewer messages and fewer bytes is scattered. */
const SHORT_RUN = 32;
const SHORT_RUN_BYTES = 16_384;
/** So many scattered segments of one tier are let be; so many are regrouped at once. */
const FEW_SCATTERED = 32;
const MOST_SOURCES = 48;
const MOST_TIERS = 3;
/** A read that needs more segments than this shows that there is something to tidy. */
const MOST_SEGMENTS = 16;
/** What may be wasted, beside three times what is in use. */
const WASTE = 16 << 20;
/** A segment with less than this part in use may be moved to save room. */
const SPARSE = 0.25;
/** Blocks of the sources of one regrouping: they go with its last step. */
const MOST_BLOCKS = 600;
/** What one step moves: a segment. */
const STEP_ENTRIES = MOST_ENTRIES;
const STEP_BYTES = 120_000;

/** Segments to write anew. */
export interface Untidy {
  readonly sources: readonly Segment[];
  /** Of the segments that are made of them. */
  readonly tier: number;
}

/** What is most worth being written anew; undefined when all is well. */
export function untidy(segments: Iterable<Segment>): Untidy | undefined {
  const byClass: Segment[][] = CLASSES.map(() => []);
  const byTier: Segment[][] = Array.from({ length: MOST_TIERS }, () => []);
  const sparse: Segment[] = [];
  let used = 0;
  let wasted = 0;
  for (const segment of segments) {
    const { live, count, bytes, tier } = segment;
    const share = live / count;
    used += bytes * share;
    wasted += bytes * (1 - share);
    const number = CLASSES.findIndex((of) => live <= of.live);
    if (number >= 0 && bytes * share < LARGE) byClass[number]!.push(segment);
    else if (tier < MOST_TIERS && isScattered(segment)) byTier[tier]!.push(segment);
    if (share < SPARSE) sparse.push(segment);
  }
  for (let n = 0; n < CLASSES.length; n++) {
    const { few, moved } = CLASSES[n]!;
    const all = byClass[n]!;
    if (all.length >= few) {
      const sources = all.slice(0, moved);
      return { sources, tier: Math.min(...sources.map(({ tier }) => tier)) };
    }
  }
  for (let tier = 0; tier < MOST_TIERS; tier++) {
    const all = byTier[tier]!;
    if (all.length < FEW_SCATTERED) continue;
    // Those that were sorted before are worth it only with others of the same sessions.
    if (tier > 0) all.sort((a, b) => a.first - b.first || a.number - b.number);
    return { sources: bounded(all.slice(0, MOST_SOURCES)), tier: tier + 1 };
  }
  if (wasted > 3 * used + WASTE) {
    // The young may still be emptied by themselves; the largest save the most.
    const worst = sparse.slice(0, 512).sort((a, b) => b.bytes - a.bytes).slice(0, 64);
    return { sources: bounded(worst), tier: Math.min(...worst.map(({ tier }) => tier)) };
  }
  return undefined;
}

/** Whether the places stand in many segments, with few of them in each. */
export function areScattered(places: readonly Place[]): boolean {
  let segments = 0;
  let last = -1;
  for (let i = 0; i < places.length; i++) {
    const segment = segmentOf(places[i]!);
    if (segment !== last) segments += 1;
    last = segment;
  }
  return segments > MOST_SEGMENTS && segments * 8 > places.length;
}

function isScattered({ runs, live, count, bytes }: Segment): boolean {
  if (runs === 0) return false;
  return live < SHORT_RUN * runs * live / count && bytes < SHORT_RUN_BYTES * runs;
}

/** As many of the segments as have few blocks together, at least two. */
function bounded(segments: readonly Segment[]): readonly Segment[] {
  let blocks = 0;
  let n = 0;
  for (; n < segments.length; n++) {
    blocks += segments[n]!.blocks;
    if (blocks > MOST_BLOCKS && n >= 2) break;
  }
  return segments.slice(0, n);
}

/** Rows of one regrouping are numbered below this. */
const ROWS = 65_536;
/** Sessions are told apart up to this number: above it the order is worse, and nothing else. */
const SESSIONS = 2 ** 36;

/** A regrouping that is under way: the places that are still to be moved, in the order of sessions. */
export class Regrouping {
  readonly tier: number;
  /** How far the heads of its segments were read: sorted as they are, mostly each once. */
  readonly heads = new Map<number, HeadReader>();
  /** A session's number times `ROWS` plus the row of the next two; those with a shared message are last. */
  readonly #keys: Float64Array;
  readonly #places: Float64Array;
  /** What each of them moves. */
  readonly #bytes: Uint32Array;
  #size = 0;
  #next = 0;

  private constructor(tier: number, most: number) {
    this.tier = tier;
    this.#keys = new Float64Array(most);
    this.#places = new Float64Array(most);
    this.#bytes = new Uint32Array(most);
  }

  /** Reads the heads of the segments, no message. */
  static async of({ sources, tier }: Untidy, reader: SegmentReader): Promise<Regrouping> {
    const most = sources.reduce((sum, { count }) => sum + count, 0);
    const regrouping = new Regrouping(tier, Math.min(most, ROWS));
    for (const segment of sources) regrouping.#take(segment, await reader.head(segment.number));
    regrouping.#keys.subarray(0, regrouping.#size).sort();
    return regrouping;
  }

  #take({ number, gone }: Segment, head: HeadReader): void {
    /** The row of the entry before, if it is one. */
    let last = -1;
    while (head.next() && this.#size < ROWS) {
      const { at, kind, session, sameMessage } = head;
      if (sameMessage && last >= 0) this.#keys[last] = SESSIONS * ROWS + last;
      last = -1;
      if (kind === Kind.void || isGone(gone, at)) continue;
      last = this.#size++;
      this.#keys[last] = (sameMessage ? SESSIONS : session % SESSIONS) * ROWS + last;
      this.#places[last] = placeAt(number, at);
      const carries = kind === Kind.queued || kind === Kind.inflight;
      this.#bytes[last] = 10 +
        (carries ? head.extraLength + (sameMessage ? 0 : head.messageLength) : 0);
    }
  }

  get done(): boolean {
    return this.#next >= this.#size;
  }

  /** The places of the next step: of entries that are still there. */
  step({ segments }: StoreIndex): Place[] {
    const step: Place[] = [];
    let bytes = 0;
    while (!this.done && step.length < STEP_ENTRIES && bytes < STEP_BYTES) {
      const row = this.#keys[this.#next++]! % ROWS;
      const place = this.#places[row]!;
      const segment = segments.get(segmentOf(place));
      if (segment === undefined || isGone(segment.gone, entryOf(place))) continue;
      bytes += this.#bytes[row]!;
      step.push(place);
    }
    return step;
  }
}
