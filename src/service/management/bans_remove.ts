/**
 * `bans/remove`: takes a ban back, whoever set it: on every node of a cluster.
 */

import { placeOf } from "../../policy/peer_host.ts";
import type { Ban } from "../../policy/bans.ts";
import type { Refused } from "../service.ts";
import { banKind, banRow, keyOfBan } from "./bans_list.ts";
import type { At, Done } from "./command.ts";
import { command, isRefused, refuse, text } from "./command.ts";
import { asking, noAnswer, othersOf } from "./other_nodes.ts";

export const bansRemove = command({
  name: "bans/remove",
  help: "takes a ban back, whether management or failures have set it",
  changes: true,
  example: { kind: "address", value: "203.0.113.9" },
  shape: {
    kind: banKind.describe("What the ban is about."),
    value: text.describe("As in the list."),
  },
  run({ kind, value }, at) {
    const others = othersOf(at);
    if (others.length === 0) return removed({ kind, value }, at);
    return asking({ kind, value }, at, others, ({ answers, unanswered }, later) => {
      const mine = removed({ kind, value }, later);
      if (!isRefused(mine)) return { ...mine, data: { ...mine.data, unanswered } };
      const found = answers.find((answer) => "data" in answer);
      if (found !== undefined) return { data: { ...found.data, unanswered } };
      return unanswered.length === 0 ? mine : noAnswer("who may have such a ban", unanswered);
    });
  },
});

/** On this node; that it is none of management's any more is told to all by its setting. */
function removed(
  { kind, value }: Pick<Ban, "kind" | "value">,
  { state, view: { world }, request, now }: At,
): Done | Refused {
  const name = kind === "address" ? placeOf(value) ?? value : value;
  const key = keyOfBan({ kind, value: name });
  const ban = world.bans(now).find((other) => keyOfBan(other) === key) ?? state.bans.get(key);
  if (ban === undefined) {
    return refuse("notFound", `there is no ban of the ${kind} ${JSON.stringify(value)}`);
  }
  const bans = new Map(state.bans);
  const own = bans.delete(key) && request.passedOn === undefined;
  return {
    data: { ban: banRow(state, ban) },
    ...(own ? { state: { ...state, bans } } : {}),
    settings: own ? [{ name: `ban/${key}`, value: undefined }] : [],
    instructions: [{ type: "unban", kind, value: name }],
  };
}
