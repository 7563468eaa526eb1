/**
 * The rest of a Topic Filter against the rest of a Topic Name, without taking either apart.
 * MQTT 5.0 section 4.7.1. It says the same as `matches.ts`, for the way of every message.
 *
 * An offset is where a level begins. One past the end of the string means that no level is left;
 * just at the end means that an empty level is left, as in `a/`. This file knows nothing of the
 * rule for `$` [MQTT-4.7.2-1] but in `reaches`.
 */

import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

export const HASH = 0x23;
export const DOLLAR = 0x24;
export const PLUS = 0x2b;
const SLASH = 0x2f;

/** Where the level that begins at `at` ends: the offset of its `/`, or the length of the string. */
export function levelEnd(text: string, at: number): number {
  const slash = text.indexOf("/", at);
  return slash === -1 ? text.length : slash;
}

/** Whether the levels of `filter` from `filterAt` on match those of `name` from `nameAt` on. */
export function restMatches(
  filter: TopicFilter,
  filterAt: number,
  name: TopicName,
  nameAt: number,
): boolean {
  while (filterAt <= filter.length) {
    const first = filter.charCodeAt(filterAt);
    if (first === HASH) return true;
    if (nameAt > name.length) return false;
    if (first === PLUS) {
      filterAt += 2;
      nameAt = levelEnd(name, nameAt) + 1;
      continue;
    }
    let unit: number;
    do { // The end of a string ends its last level just as a / would.
      unit = filterAt < filter.length ? filter.charCodeAt(filterAt) : SLASH;
      if (unit !== (nameAt < name.length ? name.charCodeAt(nameAt) : SLASH)) return false;
      filterAt++;
      nameAt++;
    } while (unit !== SLASH);
  }
  return nameAt > name.length;
}

/** Whether `filter` matches `name`: as `matches`, but without allocating. */
export function reaches(filter: TopicFilter, name: TopicName): boolean {
  if (name.charCodeAt(0) === DOLLAR && startsWithWildcard(filter)) return false;
  return restMatches(filter, 0, name, 0);
}

/** Whether the first level of a filter is a wildcard, which keeps it off `$` names. */
export function startsWithWildcard(filter: TopicFilter): boolean {
  const first = filter.charCodeAt(0);
  return first === HASH || first === PLUS;
}
