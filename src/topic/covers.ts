/**
 * Whether one Topic Filter covers another: whether it matches every Topic Name that the other matches.
 * MQTT 5.0 section 4.7. It takes neither apart and allocates nothing.
 */

import { DOLLAR, HASH, levelEnd, PLUS, startsWithWildcard } from "./rest_matches.ts";
import type { TopicFilter } from "./topic_filter.ts";

const SLASH = 0x2f;

/**
 * Whether `wide` matches every name that `narrow` matches: `plant/#` covers `plant/+/x`, `plant/+` does
 * not cover `plant/#`, and `#` does not cover `$SYS/#` [MQTT-4.7.2-1].
 *
 * @param wide a good filter, without `$share/{ShareName}/`
 * @param narrow a good filter, or a good name, without it too
 */
export function covers(wide: TopicFilter, narrow: TopicFilter): boolean {
  if (narrow.charCodeAt(0) === DOLLAR && startsWithWildcard(wide)) return false;
  // Every name has a first level, so here and nowhere else +/# is as good as #.
  if (narrow === "#") return wide === "#" || wide === "+/#";
  // Nor is a name empty: what comes before the / of /# has a level behind it.
  if (narrow === "/#") return covers(wide, "/+/#");
  let wideAt = 0;
  let narrowAt = 0;
  while (wideAt <= wide.length) {
    const first = wide.charCodeAt(wideAt);
    if (first === HASH) return true;
    if (narrowAt > narrow.length) return false;
    if (first === PLUS) {
      if (narrow.charCodeAt(narrowAt) === HASH) return false;
      wideAt += 2;
      narrowAt = levelEnd(narrow, narrowAt) + 1;
      continue;
    }
    let unit: number;
    do { // The end of a string ends its last level just as a / would.
      unit = wideAt < wide.length ? wide.charCodeAt(wideAt) : SLASH;
      if (unit !== (narrowAt < narrow.length ? narrow.charCodeAt(narrowAt) : SLASH)) return false;
      wideAt++;
      narrowAt++;
    } while (unit !== SLASH);
  }
  return narrowAt > narrow.length;
}
