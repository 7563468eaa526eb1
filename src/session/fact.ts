/**
 * Facts: what no event and no other effect shows, told to whoever counts and logs. The reasons are
 * closed lists: the same word stands in the log and in every statistic.
 */

import type { ReasonCode } from "../packet/reason_code.ts";
import type { ProtocolVersion } from "../packet/packet.ts";
import type { ClientId, ConnectionId, Peer } from "../policy/identity.ts";
import type { TopicName } from "../topic/topic_name.ts";

/** Why a message did not reach a client that subscribed to it, or was not taken. */
export type DropReason =
  | "queueFull"
  /** All queues of one user name together. */
  | "identityQueueFull"
  | "brokerQueueFull"
  | "expired"
  | "tooLargeForClient"
  /** Its session came from another listener, whose clients see other topics. */
  | "outsideMountPoint"
  | "congested"
  | "absentQoS0"
  | "sessionEnded"
  | "notPermitted"
  | "invalidPayload"
  | "retainedFull"
  | "delayedFull"
  | "nobodyInGroup"
  | "storedLost";

/** Why a connection ended. */
export type CloseReason =
  | "clientDisconnected"
  /** DISCONNECT with another Reason Code than 0, which asks for the Will. */
  | "clientFailed"
  | "linkLost"
  | "keepAliveTimeout"
  | "connectTimeout"
  /** The proof of its identity, such as a token, has run out. */
  | "identityExpired"
  | "takenOver"
  | "malformedPacket"
  | "protocolError"
  | "refused"
  | "stalled"
  | "outboxFull"
  | "kicked"
  | "shutdown"
  | "internalError";

export type Fact =
  | {
    readonly type: "connected";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly user: string | undefined;
    readonly peer: Peer;
    readonly version: ProtocolVersion;
    readonly sessionPresent: boolean;
    readonly keepAlive: number;
  }
  | {
    readonly type: "disconnected";
    readonly connection: ConnectionId;
    /** Empty when it never said who it was. */
    readonly clientId: ClientId;
    readonly user: string | undefined;
    readonly peer: Peer;
    readonly reason: CloseReason;
    readonly reasonCode: ReasonCode;
    readonly detail: string;
  }
  | {
    readonly type: "dropped";
    readonly clientId: ClientId;
    readonly topic: TopicName;
    readonly reason: DropReason;
    readonly count: number;
  }
  | {
    readonly type: "refused";
    readonly clientId: ClientId;
    readonly action: "connect" | "publish" | "subscribe" | "unsubscribe";
    /** Empty for `connect`. */
    readonly topic: string;
    readonly reasonCode: ReasonCode;
    /** What is wrong; of access the rule that decided. */
    readonly detail: string;
  }
  | {
    readonly type: "sessionEnded";
    readonly clientId: ClientId;
    readonly why: "expired" | "cleanStart" | "disconnected" | "deleted";
    readonly messagesDropped: number;
  }
  /** The store has no room for now, and its words for that; or it has some again. */
  | { readonly type: "store"; readonly full: boolean; readonly detail: string }
  /** A store that could not be read was set aside at start, and what could be read carried over. */
  | {
    readonly type: "storeDamaged";
    readonly reason: string;
    /** Where it is now. */
    readonly path: string;
    /** How many of each kind of record. */
    readonly carried: Readonly<Record<string, number>>;
    readonly lost: Readonly<Record<string, number>>;
    /** The first of the reasons for the losses. */
    readonly why: readonly string[];
    /** Nothing could be carried over. */
    readonly empty: boolean;
  };
