/**
 * Topic Filters: parse and validate, Shared Subscriptions included.
 * MQTT 5.0 sections 4.7.1, 4.7.3 and 4.8.2.
 *
 * `$share/{ShareName}/{filter}` is understood for 3.x clients too, which the standard leaves open.
 */

import { MAXIMUM_STRING_BYTES, stringProblem } from "./topic_name.ts";

/** A Topic Filter that has been found good; its wildcards are `+` (one level) and `#` (the rest). */
export type TopicFilter = string;

/** A filter taken apart. */
export interface ParsedFilter {
  /** As subscribed, `$share/{ShareName}/` included: what identifies the subscription. */
  readonly full: TopicFilter;
  /** What names are matched against: `full` without `$share/{ShareName}/`. */
  readonly filter: TopicFilter;
  /** The ShareName of a Shared Subscription, or undefined. */
  readonly shareName: string | undefined;
  /** Whether `filter` contains `+` or `#`. */
  readonly wildcard: boolean;
}

/**
 * Takes a Topic Filter apart.
 *
 * @param full the filter as it stood in the packet, decoded
 * @param maximumLevels the most levels that `filter` may have
 * @param maximumBytes of UTF-8 of `full`
 * @returns the parts, or in words what is wrong
 */
export function parseTopicFilter(
  full: string,
  maximumLevels: number,
  maximumBytes: number = MAXIMUM_STRING_BYTES,
): ParsedFilter | string {
  if (full !== "$share" && !full.startsWith("$share/")) {
    const problem = filterProblem(full, maximumLevels, maximumBytes);
    return problem ?? { full, filter: full, shareName: undefined, wildcard: hasWildcard(full) };
  }
  const end = full.indexOf("/", "$share/".length);
  const shareName = full.slice("$share/".length, end === -1 ? undefined : end);
  if (shareName === "") { // [MQTT-4.8.2-1]
    return "a Shared Subscription names its group: $share/{ShareName}/{filter}";
  }
  if (hasWildcard(shareName)) { // [MQTT-4.8.2-2]
    return `the ShareName "${shareName}" contains a wildcard character`;
  }
  const filter = end === -1 ? "" : full.slice(end + 1);
  if (filter === "") { // [MQTT-4.8.2-2]
    return "a Shared Subscription has a Topic Filter after its ShareName: $share/{ShareName}/{filter}";
  }
  // The limit on bytes holds for the string as subscribed, the one on levels for what is matched.
  const problem = stringProblem(full, "Topic Filter", Infinity, maximumBytes) ??
    filterProblem(filter, maximumLevels, maximumBytes);
  return problem ?? { full, filter, shareName, wildcard: hasWildcard(filter) };
}

/** Whether a string contains `+` or `#`; of a good filter: whether it may match several names. */
export function hasWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#");
}

function filterProblem(
  filter: string,
  maximumLevels: number,
  maximumBytes: number,
): string | undefined {
  const hash = filter.indexOf("#");
  if (hash !== -1) { // [MQTT-4.7.1-2]
    if (hash !== filter.length - 1) return "the wildcard # is not the last character of the filter";
    if (hash > 0 && filter[hash - 1] !== "/") return "the wildcard # does not fill its level";
  }
  for (let at = filter.indexOf("+"); at !== -1; at = filter.indexOf("+", at + 1)) { // [MQTT-4.7.1-3]
    const before = at === 0 || filter[at - 1] === "/";
    const after = at === filter.length - 1 || filter[at + 1] === "/";
    if (!before || !after) return "the wildcard + does not fill its level";
  }
  return stringProblem(filter, "Topic Filter", maximumLevels, maximumBytes);
}
