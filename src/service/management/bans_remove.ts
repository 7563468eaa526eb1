/**
 * `bans/remove`: takes a ban back, whoever set it.
 */

import { placeOf } from "../../policy/peer_host.ts";
import { banKind, banRow, keyOfBan } from "./bans_list.ts";
import { command, refuse, text } from "./command.ts";

export const bansRemove = command({
  name: "bans/remove",
  help: "takes a ban back, whether management or failures have set it",
  changes: true,
  example: { kind: "address", value: "203.0.113.9" },
  shape: {
    kind: banKind.describe("What the ban is about."),
    value: text.describe("As in the list."),
  },
  run({ kind, value }, { state, view: { world }, now }) {
    const name = kind === "address" ? placeOf(value) ?? value : value;
    const key = keyOfBan({ kind, value: name });
    const ban = world.bans(now).find((other) => keyOfBan(other) === key) ?? state.bans.get(key);
    if (ban === undefined) {
      return refuse("notFound", `there is no ban of the ${kind} ${JSON.stringify(value)}`);
    }
    const bans = new Map(state.bans);
    const own = bans.delete(key);
    return {
      data: { ban: banRow(state, ban) },
      ...(own ? { state: { ...state, bans } } : {}),
      settings: own ? [{ name: `ban/${key}`, value: undefined }] : [],
      instructions: [{ type: "unban", kind, value: name }],
    };
  },
});
