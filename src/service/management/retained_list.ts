/**
 * `retained/list`: the retained messages that a filter matches, by topic. MQTT 5.0 section 3.3.1.3.
 */

import { command, text } from "./command.ts";
import { filterProblem } from "./good_filter.ts";
import { pageOf, pageShape } from "./page.ts";
import { messageRow } from "./rows.ts";

export const retainedList = command({
  name: "retained/list",
  help: "lists retained messages by topic, without their payloads",
  changes: false,
  example: { filter: "plant/#" },
  shape: {
    filter: text.default("#").describe("A Topic Filter; # is all topics without a $ in front."),
    ...pageShape,
  },
  run({ filter, ...page }, { view: { broker } }) {
    const problem = filterProblem(filter);
    if (problem !== undefined) return problem;
    const { retained, rules } = broker;
    const most = rules.limits.managementPage;
    const { items, next } = pageOf(retained.matching(filter), ({ topic }) => topic, page, most);
    return { data: { retained: items.map(messageRow), next: next ?? null } };
  },
});
