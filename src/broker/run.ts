/**
 * What runs of PUBLISH packets have in common, whatever their QoS: the question whether the answer for the first
 * holds for all, and the way that is taken where it does not. MQTT 5.0 section 3.3.4.
 */

import { isRefusal } from "../connection/guard.ts";
import { passGuards } from "../connection/pipeline.ts";
import type { Publish } from "../packet/packet.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import { publishesOf } from "../packet/publish_run.ts";
import { DOLLAR } from "../topic/rest_matches.ts";
import { onPacket } from "./on_packet.ts";
import type { Plan } from "./plan.ts";
import type { Live, Tables } from "./tables.ts";

/** The plan for all packets of a run; undefined where anything about it wants a look at each. */
export function planForAll(tables: Tables, live: Live, first: Publish): Plan | undefined {
  const { connection, meter } = live;
  if (meter !== undefined) return undefined; // each is to be paid for
  if (connection.stage !== "connected" || live.client === undefined) return undefined;
  const passed = passGuards({ connection, packet: first }, live.rules);
  if (isRefusal(passed) || passed.packet !== first || passed.connection !== connection) {
    return undefined;
  }
  if (first.topic.charCodeAt(0) === DOLLAR) return undefined; // may be delayed, or a request
  const plan = tables.tree.match(first.topic);
  return plan.nodes.length > 0 || plan.someNoLocal ? undefined : plan;
}

/** Takes the packets of a run as if each had come by itself. */
export function oneByOne(tables: Tables, live: Live, run: Pick<PublishRun, "bytes">): void {
  const { version } = live.connection;
  for (const publish of publishesOf(run, version)) {
    if (tables.connections.get(live.id) !== live) return; // it has been closed over one of them
    onPacket(tables, live, publish);
  }
}
