/**
 * Publications that are alike, in one step: what is asked of the first holds for all, and who subscribes with
 * the same wire shape gets their bytes as they came. MQTT 5.0 section 3.3.4.
 *
 * It knows one case, which is that of nearly all telemetry, and takes every other packet by packet.
 */

import { isRefusal } from "../connection/guard.ts";
import { passGuards } from "../connection/pipeline.ts";
import type { Publish } from "../packet/packet.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import { publishesOf } from "../packet/publish_run.ts";
import { DOLLAR } from "../topic/rest_matches.ts";
import { keptCast } from "./cast.ts";
import { onPacket } from "./on_packet.ts";
import type { Cast } from "./plan.ts";
import type { Live, Tables } from "./tables.ts";

/** A run from a connection, after which the connection may be gone. */
export function onRun(tables: Tables, live: Live, first: Publish, run: PublishRun): void {
  const cast = wholeCast(tables, live, first);
  if (cast === undefined) return oneByOne(tables, live, run);
  live.lastHeard = tables.now;
  tables.nextOrder += run.count;
  for (let i = 0; i < cast.shapes.length; i++) {
    tables.out.push({ type: "deliverRun", to: cast.shapes[i]!.to, run });
  }
}

/** Whom the run goes to as it is; undefined where anything about it wants a look at each packet. */
function wholeCast(tables: Tables, live: Live, first: Publish): Cast | undefined {
  const { connection, meter } = live;
  if (meter !== undefined) return undefined; // each is to be paid for
  if (connection.stage !== "connected" || live.client === undefined) return undefined;
  const passed = passGuards({ connection, packet: first }, live.rules);
  if (isRefusal(passed) || passed.packet !== first || passed.connection !== connection) {
    return undefined;
  }
  if (first.topic.charCodeAt(0) === DOLLAR) return undefined; // may be delayed, or a request
  const plan = tables.tree.match(first.topic);
  if (plan.groups.length > 0 || plan.someNoLocal) return undefined;
  const cast = keptCast(tables, plan);
  if (cast.odd.length > 0) return undefined;
  const version = connection.version === 5 ? 5 : 4;
  for (let i = 0; i < cast.shapes.length; i++) {
    const shape = cast.shapes[i]!;
    if (shape.version !== version || shape.identifiers !== undefined) return undefined;
  }
  return cast;
}

function oneByOne(tables: Tables, live: Live, run: PublishRun): void {
  const { version } = live.connection;
  for (const publish of publishesOf(run, version)) {
    if (tables.connections.get(live.id) !== live) return; // it has been closed over one of them
    onPacket(tables, live, publish);
  }
}
