/** CONNECT and PUBLISH for tests, with what they have where nothing else is said. */

import type { Connect, ProtocolVersion, Publish } from "../src/packet/packet.ts";

/** A CONNECT with Clean Start and without Keep Alive, unless `more` says otherwise. */
export function connectOf(
  version: ProtocolVersion,
  clientId: string,
  more: Partial<Connect> = {},
): Connect {
  return {
    type: "connect",
    protocolVersion: version,
    clientId,
    cleanStart: true,
    keepAlive: 0,
    username: undefined,
    password: undefined,
    will: undefined,
    properties: undefined,
    ...more,
  };
}

/** A PUBLISH with QoS 0 and no flags, unless `more` says otherwise. */
export function plainPublish(
  topic: string,
  payload: Uint8Array,
  more: Partial<Publish> = {},
): Publish {
  return {
    type: "publish",
    topic,
    payload,
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
    properties: undefined,
    ...more,
  };
}
