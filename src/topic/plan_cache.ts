/**
 * The plans that `filter_tree.ts` has made, by Topic Name. Part of that island and owned by it.
 *
 * A change of a filter with wildcards is only noted down. Whether it touches a kept plan is found
 * out when the plan is next asked for: so a change costs nothing however many plans are kept, and
 * a plan that the change does not touch stays.
 *
 * When it is full, a topic has to be seen twice within the last `DOOR` or so that were not kept before its
 * plan is kept: of a million topics that come in turn, none would be asked for before it has to go, and
 * keeping them cost more than half of the time, the most of it in collecting the garbage. And it asks its Map only
 * for a topic whose hash is that of a kept one: to hear from a Map that there is none takes 0.8 us, as V8 puts each
 * string that a Map is asked for into its own table of strings first, which lies in memory that no cache holds.
 */

import { mapKey } from "./map_key.ts";
import { reaches } from "./rest_matches.ts";
import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** How many changes a plan may be behind: beyond it, making a new one is cheaper than asking. */
const NOTED_CHANGES = 32;

/** So many values in a plan count as one plan more, since a plan of 100,000 takes their memory. */
const VALUES_PER_WEIGHT = 64;

/** So many characters of a name do too: clients choose the names, and a name may have 65,535. */
const LENGTH_PER_WEIGHT = 512;

/**
 * Longer names are not kept. V8 hashes no string of more units than that, but takes its length: 2,000 names of
 * 17,000 units that begin alike cost 12 ms a lookup (measured with Deno 2.9.6), far more than a new plan.
 */
const LONGEST = 16_383;

/** How many topics that were not kept are remembered, by a hash; a power of two. */
const DOOR = 16_384;

/**
 * Counts of kept topics by hash, a byte each: at least so many for each plan, so that one in twenty is asked for in
 * vain, and never more than `MOST_COUNTS`; powers of two.
 */
const COUNTS_PER_PLAN = 16;
const MOST_COUNTS = 1 << 21;
const FULL_COUNT = 0xff;

interface Kept<Plan> {
  plan: Plan;
  weight: number;
  /** The number of the last change that is known not to touch the plan. */
  seen: number;
  /** Asked for since the hand last came by. */
  used: boolean;
}

/** A bounded cache of plans. `Plan` is an object or another value that is not undefined. */
export class PlanCache<Plan> {
  /** By `mapKey`. */
  private readonly kept = new Map<string, Kept<Plan>>();
  private readonly noted: TopicFilter[] = [];
  private changes = 0;
  private weight = 0;
  /** Goes round the plans to find one that nobody has asked for since its last round. */
  private hand = this.kept.keys();
  /** What is known of topics by their hashes; made when there is no room for the first time. */
  private door: Door | undefined;

  /** @param limit the most plans kept; 64 values or 512 characters of a name count as one more; 0 keeps none */
  constructor(private limit: number) {}

  /** The plan for a topic, unless there is none or a change since then touches it. */
  get(topic: TopicName): Plan | undefined {
    if (topic.length > LONGEST) return undefined;
    const key = mapKey(topic);
    if (this.door !== undefined && !this.door.mayBeKept(hashOf(key))) return undefined;
    const kept = this.kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.seen !== this.changes && !this.stillGood(topic, kept)) return undefined;
    kept.used = true;
    return kept.plan;
  }

  /** Keeps a plan that was made of `values` values as they are now, if it is worth its place. */
  put(topic: TopicName, plan: Plan, values: number): void {
    if (this.limit <= 0 || topic.length > LONGEST) return;
    const key = mapKey(topic);
    const weight = 1 + Math.floor(values / VALUES_PER_WEIGHT) +
      Math.floor(topic.length / LENGTH_PER_WEIGHT);
    const hash = hashOf(key);
    const known = this.door?.mayBeKept(hash) !== false && this.remove(key);
    if (!known && this.weight + weight > this.limit) {
      this.door ??= new Door(this.limit, this.kept.keys());
      if (!this.door.comesAgain(hash)) return;
    }
    // One alone may weigh more than all: the widest fan-out gains most from being kept.
    while (this.weight + weight > this.limit && this.kept.size > 0) this.evict();
    this.kept.set(key, { plan, weight, seen: this.changes, used: false });
    this.door?.keep(hash);
    this.weight += weight;
  }

  /** Drops the plan for one topic. */
  drop(topic: TopicName): void {
    if (topic.length <= LONGEST) this.remove(mapKey(topic));
  }

  /** Notes that what a filter with wildcards leads to has changed. */
  changed(filter: TopicFilter): void {
    if (this.kept.size === 0) return;
    this.changes++;
    this.noted[this.changes % NOTED_CHANGES] = filter;
  }

  /** Drops every plan, and keeps as many as that from now on. */
  clear(limit = this.limit): void {
    this.limit = limit;
    this.kept.clear();
    this.noted.length = 0;
    this.weight = 0;
    this.door = undefined;
    this.hand = this.kept.keys();
  }

  /** How many plans are kept, good or not. */
  get size(): number {
    return this.kept.size;
  }

  private stillGood(topic: TopicName, kept: Kept<Plan>): boolean {
    if (this.changes - kept.seen > NOTED_CHANGES) return false;
    for (let change = kept.seen + 1; change <= this.changes; change++) {
      if (reaches(this.noted[change % NOTED_CHANGES]!, topic)) return false;
    }
    kept.seen = this.changes;
    return true;
  }

  private remove(key: string): boolean {
    const kept = this.kept.get(key);
    if (kept === undefined) return false;
    this.weight -= kept.weight;
    this.door?.leave(hashOf(key));
    return this.kept.delete(key);
  }

  /** Takes away the next plan that has not been asked for since the last round; two rounds at most. */
  private evict(): void {
    for (;;) {
      const next = this.hand.next();
      if (next.done) {
        this.hand = this.kept.keys();
        continue;
      }
      const kept = this.kept.get(next.value)!;
      if (!kept.used) {
        this.remove(next.value);
        return;
      }
      kept.used = false;
    }
  }
}

/** What a full cache knows of topics by their hashes. */
class Door {
  /** Of topics that came and were not kept, each in the place of another. */
  private readonly came = new Uint32Array(DOOR);
  /** How many kept topics have a hash of that place; one that is full stays so. */
  private readonly kept: Uint8Array;

  constructor(limit: number, keys: Iterable<string>) {
    let size = DOOR;
    while (size < Math.min(limit * COUNTS_PER_PLAN, MOST_COUNTS)) size *= 2;
    this.kept = new Uint8Array(size);
    for (const key of keys) this.keep(hashOf(key));
  }

  /** Whether the topic has been here before; it leaves its hash in the place of another's. */
  comesAgain(hash: number): boolean {
    const at = hash & (DOOR - 1);
    if (this.came[at] === hash) return true;
    this.came[at] = hash;
    return false;
  }

  /** False: no topic with that hash is kept. */
  mayBeKept(hash: number): boolean {
    return this.kept[hash & (this.kept.length - 1)] !== 0;
  }

  keep(hash: number): void {
    const at = hash & (this.kept.length - 1);
    if (this.kept[at] !== FULL_COUNT) this.kept[at]! += 1;
  }

  leave(hash: number): void {
    const at = hash & (this.kept.length - 1);
    if (this.kept[at] !== FULL_COUNT) this.kept[at]! -= 1;
  }
}

/**
 * FNV-1a with its high bits mixed into the low ones. Who makes two topics of one hash gains that one of them
 * is kept at once.
 */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
