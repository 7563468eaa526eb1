/**
 * `bans/list`: who is shut out, and by whom: management, or failures that went too far.
 */

import * as z from "zod";
import type { Ban } from "../../policy/bans.ts";
import type { NodeId } from "../../policy/identity.ts";
import type { View } from "../service.ts";
import { command } from "./command.ts";
import { pageOf, pageShape } from "./page.ts";
import { timeOf } from "./rows.ts";
import type { ManagementState } from "./state.ts";

export const banKind = z.enum(["address", "clientId", "user"]);

export const bansList = command({
  name: "bans/list",
  help: "lists the bans that hold, by kind and value, with their origin: management or failures",
  changes: false,
  example: { kind: "address" },
  shape: { kind: banKind.optional().describe("Only those of this kind."), ...pageShape },
  run({ kind, ...page }, { state, view: { world, broker }, now }) {
    const bans = world.bans(now).filter((ban) => kind === undefined || ban.kind === kind);
    const most = broker.rules.limits.managementPage;
    const { items, next } = pageOf(bans, keyOfBan, page, most);
    const rows = items.map((ban) => ({ ...banRow(state, ban), ...nodesOfBan(state, ban, broker) }));
    return { data: { bans: rows, next: next ?? null } };
  },
});

/** By which a ban is known. */
export function keyOfBan({ kind, value }: Pick<Ban, "kind" | "value">): string {
  return `${kind}/${value}`;
}

/** A ban in a line; `until` is null for ever. */
export function banRow({ bans }: ManagementState, ban: Ban) {
  const { kind, value, until, reason } = ban;
  const own = bans.get(keyOfBan(ban));
  const origin = own !== undefined && own.until === until ? "management" : "failures";
  return { kind, value, until: timeOf(until), reason, origin };
}

/** Where it holds: those of management on every node of a cluster, those on account of failures where these were. */
function nodesOfBan(state: ManagementState, ban: Ban, { cluster }: View["broker"]) {
  if (cluster === undefined) return {};
  return { nodes: banRow(state, ban).origin === "failures" ? [cluster.node] : cluster.nodes };
}

/** A ban in the lists of two nodes of a cluster. */
export function sameBan(one: ClusterBanRow, other: ClusterBanRow): ClusterBanRow {
  const ends = [one.until, other.until];
  const until = ends.includes(null) ? null : Math.max(...ends as readonly number[]);
  const longer = one.until === until ? one : other;
  return { ...longer, nodes: [...new Set([...one.nodes, ...other.nodes])] };
}

type ClusterBanRow = ReturnType<typeof banRow> & { readonly nodes: readonly NodeId[] };
