/**
 * Publications that are alike, in one step: what is asked of the first holds for all, and who subscribes with
 * the same wire shape gets their bytes as they came. MQTT 5.0 section 3.3.4.
 *
 * It knows one case, which is that of nearly all telemetry, and takes every other packet by packet.
 */

import type { Publish } from "../packet/packet.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import { keptCast } from "./cast.ts";
import type { Deals } from "./deal.ts";
import { dealOut, keptDeals } from "./deal.ts";
import type { Cast, Plan } from "./plan.ts";
import { oneByOne, planForAll } from "./run.ts";
import type { Live, Tables } from "./tables.ts";

/** A run from a connection, after which the connection may be gone. */
export function onRun(tables: Tables, live: Live, first: Publish, run: PublishRun): void {
  const plan = planForAll(tables, live, first);
  const version = live.connection.version === 5 ? 5 : 4;
  const cast = plan === undefined ? undefined : wholeCast(tables, plan, version);
  if (plan === undefined || cast === undefined) return oneByOne(tables, live, run);
  let deals: Deals | undefined;
  if (plan.groups.length > 0) {
    deals = keptDeals(tables, plan, first.topic, 0);
    if (deals.version !== version) return oneByOne(tables, live, run);
  }
  live.lastHeard = tables.now;
  tables.nextOrder += run.count * tables.orderStep;
  for (let i = 0; i < cast.shapes.length; i++) {
    tables.out.push({ type: "deliverRun", to: cast.shapes[i]!.to, run });
  }
  if (deals === undefined) return;
  for (let i = 0; i < deals.each.length; i++) dealOut(tables, deals.each[i]!, run);
}

/** Whom the run goes to as it is; undefined where anything about it wants a look at each packet. */
function wholeCast(tables: Tables, plan: Plan, version: 4 | 5): Cast | undefined {
  const cast = keptCast(tables, plan);
  if (cast.odd.length > 0) return undefined;
  for (let i = 0; i < cast.shapes.length; i++) {
    const shape = cast.shapes[i]!;
    if (shape.version !== version || shape.identifiers !== undefined) return undefined;
  }
  return cast;
}
