/**
 * Topic Filters and what they lead to: the values whose filter matches a Topic Name, and a plan
 * made of them that is kept. MQTT 5.0 section 4.7.
 *
 * A mutable island: the broker owns it, nobody else changes it, and the plans that it hands out
 * are never written to. Searching does not change the tree. It says what `matches.ts` says, which
 * `tests/property/filter_tree_test.ts` holds it to. It knows nothing of Shared Subscriptions:
 * `filter` is always the part that names are matched against.
 */

import type { Row } from "./filter_row.ts";
import { getIn, putIn, rowOf, takeOutOf, withAll } from "./filter_row.ts";
import { mapKey } from "./map_key.ts";
import { PlanCache } from "./plan_cache.ts";
import { hasWildcard, type TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";
import { WildcardTree } from "./wildcard_tree.ts";

const NONE: readonly never[] = [];

/** Values by Topic Filter and key; a value is never undefined. */
export class FilterTree<Value, Plan> {
  /** By `mapKey`. Filters without wildcards match one name, which is themselves. */
  private readonly exact = new Map<string, Row<Value>>();
  private readonly wildcards = new WildcardTree<Value>();
  private readonly plans: PlanCache<Plan>;
  private count = 0;
  /** What was matched last, and its plan: one message may be asked about more than once. */
  private last = "";
  private lastPlan: Plan | undefined;

  /**
   * @param plan what to make of the values that match a topic; must not be undefined, and must
   *   depend on nothing else unless `forget` is called when that changes
   * @param cacheLimit the most plans kept, where 64 values in a plan count as one more; 0: none but the last
   */
  constructor(
    private readonly plan: (topic: TopicName, values: readonly Value[]) => Plan,
    cacheLimit: number,
  ) {
    this.plans = new PlanCache(cacheLimit);
  }

  /** Sets the value of a filter and key in place of an earlier one. */
  add(filter: TopicFilter, key: string, value: Value): void {
    const wildcard = hasWildcard(filter);
    this.changed(filter, wildcard);
    const row = this.rowAt(filter, wildcard);
    if (row === undefined || getIn(row, key) === undefined) this.count++;
    if (row !== undefined) putIn(row, key, value);
    else if (wildcard) this.wildcards.insert(rowOf(filter, key, value));
    else this.exact.set(mapKey(filter), rowOf(filter, key, value));
  }

  /** Takes away the value of a filter and key; false when there was none. */
  remove(filter: TopicFilter, key: string): boolean {
    const wildcard = hasWildcard(filter);
    const row = this.rowAt(filter, wildcard);
    if (row === undefined || getIn(row, key) === undefined) return false;
    this.changed(filter, wildcard);
    this.count--;
    if (takeOutOf(row, key)) return true;
    if (wildcard) this.wildcards.remove(filter);
    else this.exact.delete(mapKey(filter));
    return true;
  }

  /** The value of a filter and key. */
  get(filter: TopicFilter, key: string): Value | undefined {
    const row = this.rowAt(filter, hasWildcard(filter));
    return row === undefined ? undefined : getIn(row, key);
  }

  /**
   * The plan for a topic: the same object again until something changes that may touch it. Where there is no filter
   * none is kept: to look for it would take a fifth of the time in which a retained message is stored.
   */
  match(topic: TopicName): Plan {
    if (this.count === 0) return this.plan(topic, NONE);
    if (this.lastPlan !== undefined && topic === this.last) return this.lastPlan;
    const plan = this.plans.get(topic) ?? this.made(topic);
    this.last = topic;
    this.lastPlan = plan;
    return plan;
  }

  /** The values of all filters that match a topic, a value for each filter and key. */
  collect(topic: TopicName): readonly Value[] {
    const exact = this.exact.size === 0 ? undefined : this.exact.get(mapKey(topic));
    const found = exact === undefined ? undefined : withAll(exact, undefined);
    return this.wildcards.collect(topic, found) ?? NONE;
  }

  /**
   * Drops every kept plan, for when something changed on which plans depend besides filters.
   *
   * @param cacheLimit the most plans kept from now on; the same as before unless given
   */
  forget(cacheLimit?: number): void {
    this.plans.clear(cacheLimit);
    this.lastPlan = undefined;
  }

  /** How many values there are. */
  get size(): number {
    return this.count;
  }

  private rowAt(filter: TopicFilter, wildcard: boolean): Row<Value> | undefined {
    return wildcard ? this.wildcards.find(filter) : this.exact.get(mapKey(filter));
  }

  /** A new plan, which is kept if it is worth it. */
  private made(topic: TopicName): Plan {
    const values = this.collect(topic);
    const plan = this.plan(topic, values);
    this.plans.put(topic, plan, values.length);
    return plan;
  }

  private changed(filter: TopicFilter, wildcard: boolean): void {
    this.lastPlan = undefined;
    if (wildcard) this.plans.changed(filter);
    else this.plans.drop(filter);
  }
}
