/**
 * One Network Connection as an immutable record: what the broker agreed on with the client.
 * MQTT 5.0 sections 3.1 and 3.2.
 */

import type { Connect, ProtocolVersion, WillPacket } from "../packet/packet.ts";
import type { Announced } from "../policy/announced.ts";
import type { ClientId, ConnectionId, Identity, Peer, Seconds } from "../policy/identity.ts";
import { ANONYMOUS } from "../policy/identity.ts";
import type { MountPoint } from "../topic/mount_point.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { Stage } from "./stage.ts";

/** An enhanced authentication that is under way, section 4.12. */
export interface Exchange {
  /** Packets of the client in it so far: CONNECT or AUTH 0x19, then AUTH 0x18. */
  readonly steps: number;
  /** Whose word is awaited; `over`: the client is accepted, CONNACK has not left yet. */
  readonly turn: "client" | "broker" | "over";
  /** Authentication Data that goes with CONNACK. */
  readonly data: Uint8Array | undefined;
}

export interface Connection {
  readonly id: ConnectionId;
  readonly peer: Peer;
  readonly stage: Stage;
  readonly version: ProtocolVersion;
  /** Empty until CONNECT. */
  readonly clientId: ClientId;
  /** The client id was made by the broker [MQTT-3.1.3-6]. */
  readonly assigned: boolean;
  readonly identity: Identity;
  readonly cleanStart: boolean;
  /** What is in force, after the broker's limit; 0: off. */
  readonly keepAlive: Seconds;
  /** The client asked for another Keep Alive and is told so. */
  readonly keepAliveChanged: boolean;
  readonly sessionExpiryInterval: Seconds;
  /** The client asked for another Session Expiry Interval and is told so. */
  readonly expiryChanged: boolean;
  /** What it may rely on: that of the rules under which its link was opened. */
  readonly announced: Announced;
  /** PUBLISH packets with a Packet Identifier that may be inflight to the client. */
  readonly window: number;
  /** Bytes of the largest packet that the client takes; Infinity where it set none. */
  readonly maximumPacketSize: number;
  /** Topic Aliases that the broker may set towards the client. */
  readonly outgoingAliases: number;
  /** The client wants Reason Strings and User Properties [MQTT-3.1.2-29]. */
  readonly problemInformation: boolean;
  /** The client asked for Response Information [MQTT-3.1.2-28]. */
  readonly responseInformation: boolean;
  /** Where its listener has it in the tree of topics. */
  readonly mountPoint: MountPoint;
  /** Topic Aliases that the client has set. */
  readonly aliases: ReadonlyMap<number, TopicName>;
  readonly will: WillPacket | undefined;
  /** The Authentication Method of CONNECT; undefined: the connection knows no AUTH. */
  readonly authenticationMethod: string | undefined;
  readonly exchange: Exchange | undefined;
}

/** What most connections have: one object for all of them. */
const NO_ALIASES: ReadonlyMap<number, TopicName> = new Map();

/** A link of which nothing is known but its far end. */
export function newConnection(
  id: ConnectionId,
  peer: Peer,
  announced: Announced,
): Connection {
  return {
    id,
    peer,
    stage: "awaitingConnect",
    version: 4,
    clientId: "",
    assigned: false,
    identity: ANONYMOUS,
    cleanStart: true,
    keepAlive: 0,
    keepAliveChanged: false,
    sessionExpiryInterval: 0,
    expiryChanged: false,
    announced,
    window: 1,
    maximumPacketSize: Infinity,
    outgoingAliases: 0,
    problemInformation: true,
    responseInformation: false,
    mountPoint: "",
    aliases: NO_ALIASES,
    will: undefined,
    authenticationMethod: undefined,
    exchange: undefined,
  };
}

/** Receive Maximum of a client that sets none, section 3.1.2.11.3. */
export function receiveMaximumOf(connect: Connect): number {
  return connect.properties?.receiveMaximum ?? 65_535;
}
