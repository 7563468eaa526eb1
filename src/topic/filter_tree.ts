/**
 * Topic Filters and what they lead to: the values whose filter matches a Topic Name, and a plan
 * made of them that is kept. MQTT 5.0 section 4.7.
 *
 * A mutable island: the broker owns it, nobody else changes it, and the plans that it hands out
 * are never written to. Searching does not change the tree. It says what `matches.ts` says, which
 * `tests/property/filter_tree_test.ts` holds it to. It knows nothing of Shared Subscriptions:
 * `filter` is always the part that names are matched against.
 */

import {
  type Branch,
  childAt,
  emptyBranch,
  find,
  insert,
  type Leaf,
  type Node,
  remove,
} from "./level_tree.ts";
import { mapKey } from "./map_key.ts";
import { PlanCache } from "./plan_cache.ts";
import { DOLLAR, levelEnd, restMatches } from "./rest_matches.ts";
import { hasWildcard, type TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/** What one filter leads to: most have a single value, which then needs no Map. */
type Values<Value> = { readonly key: string; value: Value } | Map<string, Value>;

const NONE: readonly never[] = [];

/** Values by Topic Filter and key; a value is never undefined. */
export class FilterTree<Value, Plan> {
  /** By `mapKey`. Filters without wildcards match one name, which is themselves. */
  private readonly exact = new Map<string, Values<Value>>();
  private readonly root: Branch<Values<Value>> = emptyBranch("");
  private readonly plans: PlanCache<Plan>;
  private count = 0;

  /**
   * @param plan what to make of the values that match a topic; must not be undefined, and must
   *   depend on nothing else unless `forget` is called when that changes
   * @param cacheLimit the most plans kept, where 64 values in a plan count as one more; 0: none
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
    const leaf = wildcard ? find(this.root, filter) : undefined;
    const old = wildcard ? leaf?.value : this.exact.get(mapKey(filter));
    if (old === undefined || getIn(old, key) === undefined) this.count++;
    const values = putIn(old, key, value);
    if (!wildcard) this.exact.set(mapKey(filter), values);
    else if (leaf !== undefined) leaf.value = values;
    else insert(this.root, filter, values, 0);
  }

  /** Takes away the value of a filter and key; false when there was none. */
  remove(filter: TopicFilter, key: string): boolean {
    const wildcard = hasWildcard(filter);
    const values = this.valuesOf(filter, wildcard);
    if (values === undefined || getIn(values, key) === undefined) return false;
    this.changed(filter, wildcard);
    this.count--;
    if (values instanceof Map && values.size > 1) values.delete(key);
    else if (wildcard) remove(this.root, filter);
    else this.exact.delete(mapKey(filter));
    return true;
  }

  /** The value of a filter and key. */
  get(filter: TopicFilter, key: string): Value | undefined {
    const values = this.valuesOf(filter, hasWildcard(filter));
    return values === undefined ? undefined : getIn(values, key);
  }

  /**
   * The plan for a topic: the same object again until something changes that may touch it. Where there is no filter
   * none is kept: to look for it would take a fifth of the time in which a retained message is stored.
   */
  match(topic: TopicName): Plan {
    if (this.count === 0) return this.plan(topic, NONE);
    const kept = this.plans.get(topic);
    if (kept !== undefined) return kept;
    const values = this.collect(topic);
    const plan = this.plan(topic, values);
    this.plans.put(topic, plan, values.length);
    return plan;
  }

  /** The values of all filters that match a topic, a value for each filter and key. */
  collect(topic: TopicName): Value[] {
    const found: Value[] = [];
    const exact = this.exact.get(mapKey(topic));
    if (exact !== undefined) pushAll(exact, found);
    if (topic.charCodeAt(0) !== DOLLAR) {
      collectBelow(this.root, topic, 0, 0, found);
    } else { // [MQTT-4.7.2-1]: only filters that name the first level reach it.
      const end = levelEnd(topic, 0);
      collectAt(childAt(this.root, topic.slice(0, end)), topic, end + 1, end + 1, found);
    }
    return found;
  }

  /**
   * Drops every kept plan, for when something changed on which plans depend besides filters.
   *
   * @param cacheLimit the most plans kept from now on; the same as before unless given
   */
  forget(cacheLimit?: number): void {
    this.plans.clear(cacheLimit);
  }

  /** How many values there are. */
  get size(): number {
    return this.count;
  }

  private valuesOf(filter: TopicFilter, wildcard: boolean): Values<Value> | undefined {
    return wildcard ? find(this.root, filter)?.value : this.exact.get(mapKey(filter));
  }

  private changed(filter: TopicFilter, wildcard: boolean): void {
    if (wildcard) this.plans.changed(filter);
    else this.plans.drop(filter);
  }
}

/**
 * Collects below `branch`, whose levels have matched so far; the next level of the name begins at
 * `topicAt`, that of the filters below at `filterAt`. Goes no deeper than the longest filter, and
 * to no branch twice.
 */
function collectBelow<Value>(
  branch: Branch<Values<Value>>,
  topic: TopicName,
  topicAt: number,
  filterAt: number,
  found: Value[],
): void {
  const rest = childAt(branch, "#") as Leaf<Values<Value>> | undefined; // Nothing follows a #.
  if (rest !== undefined) pushAll(rest.value, found);
  if (topicAt > topic.length) {
    if (branch.here !== undefined) pushAll(branch.here.value, found);
    return;
  }
  const end = levelEnd(topic, topicAt);
  const next = end + 1;
  const named = childAt(branch, topic.slice(topicAt, end));
  collectAt(named, topic, next, filterAt + next - topicAt, found);
  collectAt(childAt(branch, "+"), topic, next, filterAt + 2, found);
}

function collectAt<Value>(
  node: Node<Values<Value>> | undefined,
  topic: TopicName,
  topicAt: number,
  filterAt: number,
  found: Value[],
): void {
  if (node === undefined) return;
  if (node.path === undefined) collectBelow(node, topic, topicAt, filterAt, found);
  else if (restMatches(node.path, filterAt, topic, topicAt)) pushAll(node.value, found);
}

function getIn<Value>(values: Values<Value>, key: string): Value | undefined {
  if (values instanceof Map) return values.get(key);
  return values.key === key ? values.value : undefined;
}

function putIn<Value>(values: Values<Value> | undefined, key: string, value: Value): Values<Value> {
  if (values === undefined) return { key, value };
  if (values instanceof Map) return values.set(key, value);
  if (values.key !== key) return new Map([[values.key, values.value], [key, value]]);
  values.value = value;
  return values;
}

function pushAll<Value>(values: Values<Value>, found: Value[]): void {
  if (values instanceof Map) { for (const value of values.values()) found.push(value); }
  else found.push(values.value);
}
