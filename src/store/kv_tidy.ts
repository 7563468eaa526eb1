/**
 * Keeps segments few and full: which of them are worth being written together anew, and the entries to
 * move. Without it a million messages that came one by one would be a million segments, and one message
 * that is never fetched would hold on to all that came with it.
 *
 * Bounded work: one call moves no more than fits one atomic.
 */

import type { Place } from "./place_queue.ts";
import { Kind } from "./segment.ts";
import type { Read, SegmentReader } from "./segment_reader.ts";
import type { Segment } from "./store_index.ts";
import { isGone, placeAt } from "./store_index.ts";

/** Segments by how many entries they have left: so many of one class are let be, so many are moved. */
const CLASSES = [
  { live: 32, few: 256, moved: 128 },
  { live: 512, few: 64, moved: 32 },
] as const;
/** What may be wasted, beside three times what is in use. */
const WASTE = 16 << 20;
/** A segment with less than this part in use may be moved to save room. */
const SPARSE = 0.25;
/** Bytes that one call moves. */
const MOST_BYTES = 500_000;
const MOST_CHANGES = 600;
/** A segment with this many bytes in use is large enough, however few its entries. */
const LARGE = 60_000;

/** The segments to write anew, the oldest first; none when all is well. */
export function untidy(segments: Iterable<Segment>): Segment[] {
  const byClass: Segment[][] = CLASSES.map(() => []);
  const sparse: Segment[] = [];
  let used = 0;
  let wasted = 0;
  for (const segment of segments) {
    const { live, count, bytes } = segment;
    const share = live / count;
    used += bytes * share;
    wasted += bytes * (1 - share);
    const number = CLASSES.findIndex((of) => live <= of.live);
    if (number >= 0 && bytes * share < LARGE) byClass[number]!.push(segment);
    if (share < SPARSE) sparse.push(segment);
  }
  for (let n = 0; n < CLASSES.length; n++) {
    const { few, moved } = CLASSES[n]!;
    if (byClass[n]!.length >= few) return bounded(byClass[n]!.slice(0, moved));
  }
  if (wasted > 3 * used + WASTE) {
    // The young may still be emptied by themselves; the largest save the most.
    const worst = sparse.slice(0, 512).sort((a, b) => b.bytes - a.bytes).slice(0, 64);
    return bounded(worst);
  }
  return [];
}

/** As many of the segments as one call may move, at least one. */
function bounded(segments: readonly Segment[]): Segment[] {
  let bytes = 0;
  let changes = 0;
  let n = 0;
  for (; n < segments.length; n++) {
    bytes += bytesInUse(segments[n]!);
    changes += segments[n]!.blocks + 2;
    if (bytes > MOST_BYTES || changes > MOST_CHANGES) break;
  }
  return segments.slice(0, Math.max(n, 1));
}

function bytesInUse({ bytes, live, count }: Segment): number {
  return bytes * live / count;
}

/** All that is left in these segments, what belongs to one session together. */
export async function entriesOf(
  segments: readonly Segment[],
  reader: SegmentReader,
): Promise<Read[]> {
  const places: Place[] = [];
  for (const { number, gone } of segments) {
    const head = await reader.head(number);
    while (head.next()) {
      if (head.kind !== Kind.void && !isGone(gone, head.at)) places.push(placeAt(number, head.at));
    }
  }
  const entries = await reader.read(places, false);
  return entries.sort((a, b) => a.session - b.session || a.order - b.order);
}
