/**
 * `access/list` and `auto-subscribe/list`: the rules in the order in which they are asked, with where each
 * comes from.
 */

import type { Command } from "./command.ts";
import { command } from "./command.ts";
import { pageOf, pageShape } from "./page.ts";
import type { RuleList } from "./rule_set.ts";

export function rulesList<Rule extends { readonly name?: string | undefined }>(
  list: RuleList<Rule>,
): Command {
  return command({
    name: `${list.set}/list`,
    help: `lists every ${list.what} in the order in which they are asked, with its origin`,
    changes: false,
    example: {},
    shape: pageShape,
    run(page, { state, view: { world, broker } }) {
      const rows = [
        ...list.laid(state).map(({ name, position, rule }) => {
          return { name, origin: "management", position, rule };
        }),
        ...list.configured(world.configured).map((rule, at) => {
          return { name: rule.name ?? null, origin: "configuration", position: at, rule };
        }),
      ];
      const order = new Map(rows.map((row, at) => [row, at]));
      const { items, next } = pageOf(
        rows,
        (row) => String(order.get(row)).padStart(8, "0"),
        page,
        broker.rules.limits.managementPage,
      );
      return { data: { rules: items, next: next ?? null } };
    },
  });
}
