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
  /** Hashes of topics that came when there was no room; made when that happens first. */
  private door: Uint32Array | undefined;

  /** @param limit the most plans kept; 64 values or 512 characters of a name count as one more; 0 keeps none */
  constructor(private limit: number) {}

  /** The plan for a topic, unless there is none or a change since then touches it. */
  get(topic: TopicName): Plan | undefined {
    if (topic.length > LONGEST) return undefined;
    const kept = this.kept.get(mapKey(topic));
    if (kept === undefined) return undefined;
    if (kept.seen !== this.changes && !this.stillGood(topic, kept)) return undefined;
    kept.used = true;
    return kept.plan;
  }

  /** Keeps a plan that was made of `values` values as they are now, if it is worth its place. */
  put(topic: TopicName, plan: Plan, values: number): void {
    if (this.limit <= 0 || topic.length > LONGEST) return;
    const key = mapKey(topic);
    const known = this.remove(key);
    const weight = 1 + Math.floor(values / VALUES_PER_WEIGHT) +
      Math.floor(topic.length / LENGTH_PER_WEIGHT);
    if (!known && this.weight + weight > this.limit && !this.comesAgain(topic)) return;
    // One alone may weigh more than all: the widest fan-out gains most from being kept.
    while (this.weight + weight > this.limit && this.kept.size > 0) this.evict();
    this.kept.set(key, { plan, weight, seen: this.changes, used: false });
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

  /** Whether the topic has been at the door before; it leaves its hash there in the place of another's. */
  private comesAgain(topic: TopicName): boolean {
    const door = this.door ??= new Uint32Array(DOOR);
    const hash = hashOf(topic);
    const at = hash & (DOOR - 1);
    if (door[at] === hash) return true;
    door[at] = hash;
    return false;
  }

  private remove(key: string): boolean {
    const kept = this.kept.get(key);
    if (kept === undefined) return false;
    this.weight -= kept.weight;
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

/**
 * FNV-1a with its high bits mixed into the low ones. Who makes two topics of one hash gains that one of them
 * is kept at once.
 */
function hashOf(topic: TopicName): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < topic.length; at++) {
    hash = Math.imul(hash ^ topic.charCodeAt(at), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
