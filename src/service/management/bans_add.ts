/**
 * `bans/add`: shuts out an address, a client identifier or a user, for a time or until it is taken back. Who
 * is connected and is hit has to go.
 */

import * as z from "zod";
import type { Ban } from "../../policy/bans.ts";
import { placeOf } from "../../policy/peer_host.ts";
import { banKind, banRow, keyOfBan } from "./bans_list.ts";
import { command, refuse, text } from "./command.ts";
import { banSetting } from "./state.ts";

export const bansAdd = command({
  name: "bans/add",
  help: "shuts out an address, a client identifier or a user; it survives a restart",
  changes: true,
  example: { kind: "address", value: "203.0.113.9", seconds: 3600, reason: "port scan" },
  shape: {
    kind: banKind.describe("What the ban is about."),
    value: text.describe(
      "The address, client identifier or user; of IPv6 addresses the first 64 bits count.",
    ),
    seconds: z.int().min(1).max(4_294_967_295).optional().describe("How long. Default: for ever."),
    reason: z.string().max(1_000).default("").describe("For whoever reads the list."),
  },
  run({ kind, value, seconds, reason }, { state, view: { broker }, now }) {
    const name = kind === "address" ? placeOf(value) : value;
    if (name === undefined) {
      return refuse("badRequest", `value: found ${JSON.stringify(value)}, expected an IP address`);
    }
    const until = seconds === undefined ? Infinity : now + seconds * 1000;
    const ban: Ban = { kind, value: name, until, reason };
    const over = [...state.bans].filter(([key, { until }]) =>
      until <= now && key !== keyOfBan(ban)
    );
    const bans = new Map(state.bans);
    for (const [key] of over) bans.delete(key);
    bans.set(keyOfBan(ban), ban);
    const { limits } = broker.rules;
    if (bans.size > limits.bans) {
      return refuse("limit", `the limit bans allows ${limits.bans} bans`);
    }
    const next = { ...state, bans };
    return {
      data: { ban: banRow(next, ban) },
      state: next,
      settings: [
        ...over.map(([key]) => ({ name: `ban/${key}`, value: undefined })),
        banSetting(ban),
      ],
      instructions: [{ type: "ban", ban }],
    };
  },
});
