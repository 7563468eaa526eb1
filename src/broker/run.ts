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

/** Whether all packets of a run are accepted as they are: where not, or not surely, each wants a look. */
export function passesWhole(live: Live, first: Publish): boolean {
  const { connection, meter } = live;
  if (meter !== undefined) return false; // each is to be paid for
  if (connection.stage !== "connected" || live.client === undefined) return false;
  const passed = passGuards({ connection, packet: first }, live.rules);
  if (isRefusal(passed) || passed.packet !== first || passed.connection !== connection) {
    return false;
  }
  return first.topic.charCodeAt(0) !== DOLLAR; // may be delayed, or a request
}

/** The plan for all packets of a run that passes; undefined where anything about it wants a look at each. */
export function planForAll(tables: Tables, first: Publish): Plan | undefined {
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
