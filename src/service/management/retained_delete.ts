/**
 * `retained/delete`: deletes the retained messages that a filter matches, a bounded number in one turn.
 */

import * as z from "zod";
import { command, refuse, text } from "./command.ts";
import { filterProblem } from "./good_filter.ts";

export const retainedDelete = command({
  name: "retained/delete",
  help: "deletes the retained messages that a filter matches; again as long as `more` is true",
  changes: true,
  example: { filter: "plant/1/#" },
  shape: {
    filter: text.describe("A Topic Filter; # is all topics without a $ in front."),
    limit: z.int().min(1).max(100_000).default(1_000).describe("Messages at most."),
  },
  run({ filter, limit }, { view: { broker } }) {
    const problem = filterProblem(filter);
    if (problem !== undefined) return problem;
    const most = Math.min(limit, broker.rules.limits.managementPage);
    const topics: string[] = [];
    let more = false;
    for (const { topic } of broker.retained.matching(filter)) {
      if (topics.length === most) {
        more = true;
        break;
      }
      topics.push(topic);
    }
    if (topics.length === 0) {
      return refuse("notFound", `nothing is retained that ${JSON.stringify(filter)} matches`);
    }
    return { data: { deleted: topics.length, more }, events: [{ type: "clearRetained", topics }] };
  },
});
