/**
 * Publications that are alike, in one step: what is asked of the first holds for all, and who subscribes with
 * the same wire shape gets their bytes as they came. MQTT 5.0 section 3.3.4.
 *
 * It knows one case, which is that of nearly all telemetry, and takes every other packet by packet.
 */

import type { Publish } from "../packet/packet.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import { messageOf } from "../session/message.ts";
import { NOTHING } from "../session/step.ts";
import { keptCast, mayQueue } from "./cast.ts";
import type { Deals } from "./deal.ts";
import { dealOut, keptDeals } from "./deal.ts";
import { onPacket } from "./on_packet.ts";
import type { Cast, Plan } from "./plan.ts";
import { holdBack, overfull } from "./pressure.ts";
import { route, takeOrder } from "./route.ts";
import { oneByOne, passesWhole, planForAll } from "./run.ts";
import type { Live, Tables } from "./tables.ts";
import { observeDrop } from "./tables.ts";

/** A run from a connection, after which the connection may be gone. */
export function onRun(tables: Tables, live: Live, first: Publish, run: PublishRun): void {
  if (!passesWhole(live, first)) {
    if (run.count === 1) return onPacket(tables, live, first);
    return oneByOne(tables, live, run);
  }
  if (sendWhole(tables, live, first, run)) return;
  if (run.count === 1) return routeOne(tables, live, first);
  oneByOne(tables, live, run);
}

/** Hands on the bytes of a run that passes; false where anything about it wants a look at each packet. */
function sendWhole(tables: Tables, live: Live, first: Publish, run: PublishRun): boolean {
  const plan = planForAll(tables, first);
  const version = live.connection.version === 5 ? 5 : 4;
  const cast = plan === undefined ? undefined : wholeCast(tables, plan, version);
  if (plan === undefined || cast === undefined) return false;
  let deals: Deals | undefined;
  if (plan.groups.length > 0) {
    deals = keptDeals(tables, plan, first.topic, 0);
    if (deals.version !== version) return false;
  }
  live.lastHeard = tables.now;
  tables.nextOrder += run.count * tables.orderStep;
  for (let i = 0; i < cast.shapes.length; i++) {
    tables.out.push({ type: "deliverRun", to: cast.shapes[i]!.to, run });
  }
  for (let i = 0; i < cast.odd.length; i++) {
    const { clientId } = cast.odd[i]!.client;
    observeDrop(tables, clientId, first.topic, "congested", run.count);
  }
  if (deals === undefined) return true;
  for (let i = 0; i < deals.each.length; i++) dealOut(tables, deals.each[i]!, run);
  return true;
}

/** What `onPacket` does with a PUBLISH that passes, without asking about it again. */
function routeOne(tables: Tables, live: Live, packet: Publish): void {
  live.lastHeard = tables.now;
  const before = tables.pending;
  const { clientId } = live.client!;
  const message = messageOf(packet, takeOrder(tables), clientId, tables.now);
  route(tables, message, clientId, undefined, NOTHING);
  if (tables.pending > before && overfull(tables)) holdBack(tables, live);
}

/**
 * Whom the run goes to as it is, all others being congested, who miss it; undefined where anything about it wants a
 * look at each packet. One client that never read had each packet for everybody else taken apart and copied: 64 KiB
 * messages were 50 MB of memory for the collector.
 */
function wholeCast(tables: Tables, plan: Plan, version: 4 | 5): Cast | undefined {
  const cast = keptCast(tables, plan);
  for (let i = 0; i < cast.odd.length; i++) {
    const { client, asked } = cast.odd[i]!;
    if (asked || !client.live?.congested || mayQueue(tables, client)) return undefined;
  }
  for (let i = 0; i < cast.shapes.length; i++) {
    const shape = cast.shapes[i]!;
    if (shape.version !== version || shape.identifiers !== undefined) return undefined;
  }
  return cast;
}
