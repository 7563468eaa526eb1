/**
 * The plans that `filter_tree.ts` has made, by Topic Name. Part of that island and owned by it.
 *
 * A change of a filter with wildcards is only noted down. Whether it touches a kept plan is found
 * out when the plan is next asked for: so a change costs nothing however many plans are kept, and
 * a plan that the change does not touch stays.
 *
 * When it is full, a topic has to be seen twice within the last `DOOR` or so that were not kept before its
 * plan is kept: of a million topics that come in turn, none would be asked for before it has to go, and
 * keeping them cost more than half of the time, the most of it in collecting the garbage.
 *
 *     hash of the topic ──► bucket: 16 hashes side by side ──► 16 plans
 *
 * It is no Map: V8 puts each string that a Map is asked for into its own table of strings first, which lies in memory
 * that no cache holds, 0.8 us for a topic that is not kept and up to 2.8 us for one that is. Here the first costs a look
 * at one bucket. Anyone can foretell the hash: whoever makes many topics for one bucket has 16 of them kept.
 */

import { hashOf as hashOfLevel } from "./hash_pages.ts";
import { reaches } from "./rest_matches.ts";
import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** How many changes a plan may be behind: beyond it, making a new one is cheaper than asking. */
const NOTED_CHANGES = 32;

/** So many values in a plan count as one plan more, since a plan of 100,000 takes their memory. */
const VALUES_PER_WEIGHT = 64;

/** So many characters of a name do too: clients choose the names, and a name may have 65,535. */
const LENGTH_PER_WEIGHT = 512;

/** Longer names are not kept: their hash costs more than the plan, as it goes through all of a name. */
const LONGEST = 16_383;

/** How many topics that were not kept are remembered, by a hash; a power of two. */
const DOOR = 16_384;

/** Slots of a bucket, whose hashes take as much as a line of the processor's cache. */
const BUCKET = 16;

/** Slots at first, a power of two, and the part of them that has plans when they are doubled. */
const FEWEST = 64, FULL = 1 / 2;

interface Kept<Plan> {
  topic: TopicName;
  plan: Plan;
  weight: number;
  /** The number of the last change that is known not to touch the plan. */
  seen: number;
  /** Asked for since the hand last came by. */
  used: boolean;
}

/** A bounded cache of plans. `Plan` is an object or another value that is not undefined. */
export class PlanCache<Plan> {
  /** Hashes of kept topics; 0: nothing is in that slot. */
  private hashes = new Int32Array(FEWEST);
  private slots: (Kept<Plan> | undefined)[] = emptySlots(FEWEST);
  private count = 0;
  private weight = 0;
  /** Goes round the slots to find a plan that nobody has asked for since its last round. */
  private hand = 0;
  private readonly noted: TopicFilter[] = [];
  private changes = 0;
  /** Hashes of topics that were not kept, each in the place of another; made when there is no room for the first time. */
  private came: Int32Array | undefined;

  /** @param limit the most plans kept; 64 values or 512 characters of a name count as one more; 0 keeps none */
  constructor(private limit: number) {}

  /** The plan for a topic, unless there is none or a change since then touches it. */
  get(topic: TopicName): Plan | undefined {
    const slot = this.find(topic);
    if (slot < 0) return undefined;
    const kept = this.slots[slot]!;
    if (kept.seen !== this.changes && !this.stillGood(topic, kept)) return undefined;
    kept.used = true;
    return kept.plan;
  }

  /** Keeps a plan that was made of `values` values as they are now, if it is worth its place. */
  put(topic: TopicName, plan: Plan, values: number): void {
    if (this.limit <= 0 || topic.length > LONGEST) return;
    const hash = hashOf(topic);
    const weight = 1 + Math.floor(values / VALUES_PER_WEIGHT) +
      Math.floor(topic.length / LENGTH_PER_WEIGHT);
    const known = this.slotOf(hash, topic);
    if (known >= 0) this.empty(known);
    else if (this.weight + weight > this.limit && !this.comesAgain(hash)) return;
    // One alone may weigh more than all: the widest fan-out gains most from being kept.
    while (this.weight + weight > this.limit && this.count > 0) this.evict();
    if (this.count >= this.slots.length * FULL) this.grow();
    this.place(hash, { topic, plan, weight, seen: this.changes, used: false });
  }

  /** Drops the plan for one topic. */
  drop(topic: TopicName): void {
    const slot = this.find(topic);
    if (slot >= 0) this.empty(slot);
  }

  /** Notes that what a filter with wildcards leads to has changed. */
  changed(filter: TopicFilter): void {
    if (this.count === 0) return;
    this.changes++;
    this.noted[this.changes % NOTED_CHANGES] = filter;
  }

  /** Drops every plan, and keeps as many as that from now on. */
  clear(limit = this.limit): void {
    this.limit = limit;
    this.takeSlots(FEWEST);
    this.noted.length = 0;
    this.came = undefined;
  }

  /** How many plans are kept, good or not. */
  get size(): number {
    return this.count;
  }

  private stillGood(topic: TopicName, kept: Kept<Plan>): boolean {
    if (this.changes - kept.seen > NOTED_CHANGES) return false;
    for (let change = kept.seen + 1; change <= this.changes; change++) {
      if (reaches(this.noted[change % NOTED_CHANGES]!, topic)) return false;
    }
    kept.seen = this.changes;
    return true;
  }

  /** The slot of a topic; -1: it is not kept. */
  private find(topic: TopicName): number {
    return this.count === 0 || topic.length > LONGEST ? -1 : this.slotOf(hashOf(topic), topic);
  }

  private slotOf(hash: number, topic: TopicName): number {
    const { hashes } = this;
    const first = this.bucketOf(hash);
    for (let slot = first; slot < first + BUCKET; slot++) {
      if (hashes[slot] === hash && this.slots[slot]!.topic === topic) return slot;
    }
    return -1;
  }

  /** The first slot of the bucket for a hash. */
  private bucketOf(hash: number): number {
    return hash & (this.hashes.length - BUCKET);
  }

  /** Puts a plan into its bucket, in the place of another where that is full. */
  private place(hash: number, kept: Kept<Plan>): void {
    const first = this.bucketOf(hash);
    let slot = first;
    while (slot < first + BUCKET && this.hashes[slot] !== 0) slot++;
    if (slot === first + BUCKET) {
      slot = this.unused(first, BUCKET);
      this.empty(slot);
    }
    this.hashes[slot] = hash;
    this.slots[slot] = kept;
    this.count += 1;
    this.weight += kept.weight;
  }

  private empty(slot: number): void {
    this.weight -= this.slots[slot]!.weight;
    this.count -= 1;
    this.hashes[slot] = 0;
    this.slots[slot] = undefined;
  }

  /** Takes away the next plan that has not been asked for since the last round; two rounds at most. */
  private evict(): void {
    this.hand = this.unused(this.hand, this.slots.length);
    this.empty(this.hand);
  }

  /** From a slot on and round the `size` that it belongs to, of which not all are empty: one whose plan is not used. */
  private unused(from: number, size: number): number {
    const first = from & -size;
    for (let slot = from;; slot = first + (slot + 1 & size - 1)) {
      const kept = this.slots[slot];
      if (kept === undefined) continue;
      if (!kept.used) return slot;
      kept.used = false;
    }
  }

  private grow(): void {
    const { hashes, slots } = this;
    this.takeSlots(slots.length * 2);
    for (let slot = 0; slot < slots.length; slot++) {
      const kept = slots[slot];
      if (kept !== undefined) this.place(hashes[slot]!, kept);
    }
  }

  /** Takes new slots, with nothing in them. */
  private takeSlots(size: number): void {
    this.hashes = new Int32Array(size);
    this.slots = emptySlots(size);
    this.count = 0;
    this.weight = 0;
    this.hand = 0;
  }

  /** Whether a topic that found no room has been here before; it leaves its hash in the place of another's. */
  private comesAgain(hash: number): boolean {
    this.came ??= new Int32Array(DOOR);
    const at = hash & (DOOR - 1);
    if (this.came[at] === hash) return true;
    this.came[at] = hash;
    return false;
  }
}

function emptySlots(size: number): undefined[] {
  return new Array<undefined>(size).fill(undefined);
}

/** The hash of a topic; never 0. Who makes two topics of one hash gains that one of them is kept at once. */
function hashOf(topic: TopicName): number {
  return hashOfLevel(0, topic, 0, topic.length) || 1;
}
