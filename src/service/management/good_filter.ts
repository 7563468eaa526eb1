/**
 * A Topic Filter from whoever asks, without `$share/…`: retained messages are for no group.
 */

import type { Refused } from "../service.ts";
import { parseTopicFilter } from "../../topic/topic_filter.ts";
import { refuse } from "./command.ts";

/** Why it cannot be used; undefined where it can. */
export function filterProblem(filter: string): Refused | undefined {
  const parsed = parseTopicFilter(filter, Infinity);
  if (typeof parsed === "string") return refuse("badRequest", `filter: ${parsed}`);
  if (parsed.shareName === undefined) return undefined;
  return refuse(
    "badRequest",
    "filter: without $share/{group}/, as retained messages are for no group",
  );
}
