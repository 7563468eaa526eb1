/**
 * What comes from a client of a mount point, in the names of the whole tree: from here on nothing knows of the
 * mount point until a message goes out. A Response Topic is one of those names: whoever answers it, from where
 * it may be, answers the client that means it. MQTT 5.0 section 4.10.
 */

import type {
  Publish,
  PublishProperties,
  Subscribe,
  Unsubscribe,
  WillPacket,
} from "../packet/packet.ts";
import { utf8Size } from "../packet/utf8.ts";
import type { MountPoint } from "../topic/mount_point.ts";
import { mountFilter, mountName } from "../topic/mount_point.ts";
import type { Passage } from "./guard.ts";

/** A guard that refuses nothing: runs when the topic is known. */
export function mounted(passage: Passage<Publish>): Passage<Publish> {
  const { connection, packet } = passage;
  if (connection.mountPoint === "") return passage;
  return {
    connection,
    packet: {
      ...packet,
      topic: mountName(connection.mountPoint, packet.topic),
      properties: mountedResponse(connection.mountPoint, packet.properties),
    },
  };
}

/** The Will with the topic that is meant. */
export function mountedWill(mountPoint: MountPoint, will: WillPacket): WillPacket {
  return {
    ...will,
    topic: mountName(mountPoint, will.topic),
    properties: mountedResponse(mountPoint, will.properties),
  };
}

/** With the Response Topic that is meant; without it where that would be longer than a topic can be. */
function mountedResponse(
  mountPoint: MountPoint,
  properties: PublishProperties | undefined,
): PublishProperties | undefined {
  if (properties?.responseTopic === undefined) return properties;
  const { responseTopic, ...rest } = properties;
  const meant = mountName(mountPoint, responseTopic);
  return utf8Size(meant) > LONGEST_STRING ? rest : { ...rest, responseTopic: meant };
}

/** Bytes that a UTF-8 Encoded String has at most, section 1.5.4. */
const LONGEST_STRING = 65_535;

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
