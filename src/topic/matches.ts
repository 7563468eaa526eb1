/**
 * Whether a Topic Filter matches a Topic Name: the definition, written to be read.
 * MQTT 5.0 section 4.7.
 *
 * It is the oracle of the two trees and serves where a match is rare; it must not be used on the
 * way of every message.
 */

import type { TopicFilter } from "./topic_filter.ts";
import type { TopicName } from "./topic_name.ts";

/**
 * Whether `filter` matches `name`.
 *
 * @param filter a good filter, without `$share/{ShareName}/`
 * @param name a good name
 */
export function matches(filter: TopicFilter, name: TopicName): boolean {
  const wanted = filter.split("/");
  const levels = name.split("/");
  // [MQTT-4.7.2-1]: a leading wildcard does not reach the server's own names.
  if (name.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
  for (let at = 0; at < wanted.length; at++) {
    // `#` stands for the rest, the level before it included: sport/# matches sport.
    if (wanted[at] === "#") return true;
    if (at === levels.length) return false;
    if (wanted[at] !== "+" && wanted[at] !== levels[at]) return false;
  }
  return wanted.length === levels.length;
}
