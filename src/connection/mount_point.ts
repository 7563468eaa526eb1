/**
 * What comes from a client of a mount point, in the names of the whole tree: from here on nothing knows of the
 * mount point until a message goes out. A Response Topic is left alone: who answers is below it too.
 */

import type { Publish, Subscribe, Unsubscribe, WillPacket } from "../packet/packet.ts";
import type { MountPoint } from "../topic/mount_point.ts";
import { mountFilter, mountName } from "../topic/mount_point.ts";
import type { Passage } from "./guard.ts";

/** A guard that refuses nothing: runs when the topic is known. */
export function mounted(passage: Passage<Publish>): Passage<Publish> {
  const { connection, packet } = passage;
  if (connection.mountPoint === "") return passage;
  return {
    connection,
    packet: { ...packet, topic: mountName(connection.mountPoint, packet.topic) },
  };
}

/** The Will with the topic that is meant. */
export function mountedWill(mountPoint: MountPoint, will: WillPacket): WillPacket {
  return { ...will, topic: mountName(mountPoint, will.topic) };
}

/** The SUBSCRIBE or UNSUBSCRIBE with the filters that are meant. */
export function mountedFilters<P extends Subscribe | Unsubscribe>(
  mountPoint: MountPoint,
  packet: P,
): P {
  if (packet.type === "unsubscribe") {
    return { ...packet, filters: packet.filters.map((filter) => mountFilter(mountPoint, filter)) };
  }
  const subscriptions = packet.subscriptions.map((request) => ({
    ...request,
    filter: mountFilter(mountPoint, request.filter),
  }));
  return { ...packet, subscriptions };
}
