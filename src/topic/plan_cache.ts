/**
 * The plans that `filter_tree.ts` has made, by Topic Name. Part of that island and owned by it.
 *
 * A change of a filter with wildcards is only noted down. Whether it touches a kept plan is found
 * out when the plan is next asked for: so a change costs nothing however many plans are kept, and
 * a plan that the change does not touch stays.
 */

import { reaches } from "./rest_matches.ts";
import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** How many changes a plan may be behind: beyond it, making a new one is cheaper than asking. */
const NOTED_CHANGES = 32;

/** So many values in a plan count as one plan more, since a plan of 100,000 takes their memory. */
const VALUES_PER_WEIGHT = 64;

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
  private readonly kept = new Map<TopicName, Kept<Plan>>();
  private readonly noted: TopicFilter[] = [];
  private changes = 0;
  private weight = 0;
  /** Goes round the plans to find one that nobody has asked for since its last round. */
  private hand = this.kept.keys();

  /** @param limit the most plans kept, one for each 64 values more; 0 keeps none */
  constructor(private readonly limit: number) {}

  /** The plan for a topic, unless there is none or a change since then touches it. */
  get(topic: TopicName): Plan | undefined {
    const kept = this.kept.get(topic);
    if (kept === undefined) return undefined;
    if (kept.seen !== this.changes && !this.stillGood(topic, kept)) return undefined;
    kept.used = true;
    return kept.plan;
  }

  /** Keeps a plan that was made of `values` values as they are now. */
  put(topic: TopicName, plan: Plan, values: number): void {
    if (this.limit <= 0) return;
    this.drop(topic);
    const weight = 1 + Math.floor(values / VALUES_PER_WEIGHT);
    // One alone may weigh more than all: the widest fan-out gains most from being kept.
    while (this.weight + weight > this.limit && this.kept.size > 0) this.evict();
    this.kept.set(topic, { plan, weight, seen: this.changes, used: false });
    this.weight += weight;
  }

  /** Drops the plan for one topic. */
  drop(topic: TopicName): void {
    const kept = this.kept.get(topic);
    if (kept === undefined) return;
    this.weight -= kept.weight;
    this.kept.delete(topic);
  }

  /** Notes that what a filter with wildcards leads to has changed. */
  changed(filter: TopicFilter): void {
    if (this.kept.size === 0) return;
    this.changes++;
    this.noted[this.changes % NOTED_CHANGES] = filter;
  }

  /** Drops every plan. */
  clear(): void {
    this.kept.clear();
    this.noted.length = 0;
    this.weight = 0;
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

  /** Takes away the next plan that has not been asked for since the last round; two rounds at most. */
  private evict(): void {
    for (;;) {
      const next = this.hand.next();
      if (next.done) {
        this.hand = this.kept.keys();
        continue;
      }
      const kept = this.kept.get(next.value)!;
      if (!kept.used) return this.drop(next.value);
      kept.used = false;
    }
  }
}
