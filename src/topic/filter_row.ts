/**
 * A Topic Filter and the values that it leads to, as `filter_tree.ts` keeps them. Part of that island.
 */

import type { TopicFilter } from "./topic_filter.ts";

/** A filter with its values: most have a single one, which then needs no Map. */
export interface Row<Value> {
  readonly text: TopicFilter;
  /** Where in `text` the level begins at which the row hangs in its branch: the business of `wildcard_tree.ts`. */
  at: number;
  /** Of the single value; undefined where there is a Map. */
  key: string | undefined;
  /** Never undefined. */
  value: Value | Map<string, Value>;
}

/** A row with one value. */
export function rowOf<Value>(text: TopicFilter, key: string, value: Value): Row<Value> {
  return { text, at: 0, key, value };
}

/** The value of a key. */
export function getIn<Value>({ key, value }: Row<Value>, wanted: string): Value | undefined {
  if (key === undefined) return (value as Map<string, Value>).get(wanted);
  return key === wanted ? value as Value : undefined;
}

/** Sets the value of a key in place of an earlier one. */
export function putIn<Value>(row: Row<Value>, key: string, value: Value): void {
  if (row.key === undefined) {
    (row.value as Map<string, Value>).set(key, value);
  } else if (row.key === key) {
    row.value = value;
  } else {
    row.value = new Map([[row.key, row.value as Value], [key, value]]);
    row.key = undefined;
  }
}

/** Takes away the value of a key, which is there; false where it is the last one, and stays. */
export function takeOutOf<Value>(row: Row<Value>, key: string): boolean {
  if (row.key !== undefined) return false;
  const values = row.value as Map<string, Value>;
  return values.size > 1 && values.delete(key);
}

/**
 * What has been found and all values of a row. Where that was nothing the list is made with the value in it: an array
 * that begins with a push has room for 17, and cost a match of one value 185 bytes, not 57.
 */
export function withAll<Value>({ key, value }: Row<Value>, found: Value[] | undefined): Value[] {
  if (key === undefined) {
    const all = found ?? [];
    for (const each of (value as Map<string, Value>).values()) all.push(each);
    return all;
  }
  if (found === undefined) return [value as Value];
  found.push(value as Value);
  return found;
}
