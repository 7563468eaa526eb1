/**
 * Publications that are retained and lead to nobody else, in one step and one persist: what a device or a bridge tells
 * when it tells of all that it has. Their bytes go straight into the tree. MQTT 5.0 section 3.3.1.3.
 *
 * It knows one case, and takes every other packet by itself.
 */

import type { ProtocolVersion } from "../packet/packet.ts";
import { decodePublish } from "../packet/publish_frame.ts";
import type { RetainedRun } from "../packet/retained_run.ts";
import { endOf, topicAtOf, topicEndOf } from "../packet/retained_run.ts";
import { copied } from "../packet/frame_memory.ts";
import { topicNameAt } from "../packet/topic_cache.ts";
import { permits, permitsAll } from "../policy/permits.ts";
import type { TopicName } from "../topic/topic_name.ts";
import { onPacket } from "./on_packet.ts";
import { holdBack, overfull } from "./pressure.ts";
import { hasRoomFor, keepRetainedRun } from "./retain.ts";
import { oneByOne } from "./run.ts";
import type { Live, Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** A run from a connection, after which the connection may be gone. */
export function onRetainedRun(tables: Tables, live: Live, run: RetainedRun): void {
  if (!mayPass(tables, live, run)) return oneByOne(tables, live, run);
  const { bytes } = run;
  const { version, identity } = live.connection;
  const asks = tables.tree.size > 0 || !permitsAll(live.rules, identity);
  let from = 0;
  for (let at = 0; asks && at < bytes.length;) {
    const end = endOf(bytes, at);
    const topic = topicNameAt(bytes, topicAtOf(bytes, at), topicEndOf(bytes, at));
    if (!leadsNowhere(tables, live, topic)) {
      keep(tables, live, bytes.subarray(from, at), version);
      onPacket(tables, live, decodePublish(bytes, version, at, end));
      if (tables.connections.get(live.id) !== live) return;
      from = end;
    }
    at = end;
  }
  keep(tables, live, from === 0 ? bytes : bytes.subarray(from), version);
}

/** Whether nothing but its topic can stand against any of them. */
function mayPass(tables: Tables, { connection, client, meter, rules }: Live, run: RetainedRun) {
  if (meter !== undefined || connection.stage !== "connected" || client === undefined) return false;
  // Another node is told of each, and below a mount point each has another topic.
  if (tables.cluster !== undefined || connection.mountPoint !== "") return false;
  const { topicLevels, topicLength } = rules.limits;
  if (run.levels > topicLevels || run.longest > topicLength) return false;
  return hasRoomFor(tables, client.clientId, run);
}

/** Whether it may be published and nobody subscribes to it. */
function leadsNowhere(tables: Tables, live: Live, topic: TopicName): boolean {
  const { identity } = live.connection;
  if (!permits(live.rules, identity, "publish", topic, 0, true).permitted) return false;
  const { targets, groups, nodes } = tables.tree.match(topic);
  return targets.length + groups.length + nodes.length === 0;
}

function keep(tables: Tables, live: Live, bytes: Uint8Array, version: ProtocolVersion): void {
  if (bytes.length === 0) return;
  live.lastHeard = tables.now;
  const publisher = live.client!.clientId;
  const order = tables.nextOrder;
  const { count, payload } = keepRetainedRun(tables, publisher, bytes, version, order);
  tables.nextOrder += count * tables.orderStep;
  ask(tables, {
    type: "persist",
    of: publisher,
    writes: [{
      type: "putRetainedRun",
      publisher,
      order,
      bytes: copied(bytes),
      version,
      count,
      payload,
    }],
    then: [],
  });
  if (overfull(tables)) holdBack(tables, live);
}
