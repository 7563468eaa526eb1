/**
 * `Effect` is all that a broker can ask of the world. Closed: a new kind is a change of the design.
 *
 * Rule two of the architecture is the shape of `persist`: what speaks of a state (`then`) stands inside
 * of what makes it durable (`writes`), so it cannot leave early; there is no flag to forget.
 */

import type { Acknowledgement } from "../packet/acknowledgement.ts";
import type { NumberedFrames } from "../packet/numbered_run.ts";
import type {
  Disconnect,
  Packet,
  PacketId,
  Puback,
  Publish,
  Pubrec,
  Suback,
  Unsuback,
} from "../packet/packet.ts";
import type { PublishFrame } from "../packet/publish_frame.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import type { ClientId, ConnectionId, Credentials, NodeId } from "../policy/identity.ts";
import type { Fact } from "./fact.ts";
import type { Message, Order } from "./message.ts";
import type { Request } from "./request.ts";
import type { PersistedWrite } from "./run_write.ts";
import type { Subscription } from "./subscription_map.ts";
import type { Write } from "./write.ts";
import type { TopicFilter } from "../topic/topic_filter.ts";

/** Writes that become durable together, and what may leave only then, in order. */
export interface Persist {
  readonly type: "persist";
  readonly of: ClientId;
  readonly writes: readonly PersistedWrite[];
  readonly then: readonly Effect[];
}

export type Effect =
  | { readonly type: "send"; readonly to: ConnectionId; readonly packet: Packet }
  /** QoS 0: one effect for any number of clients. May be dropped by a full outbox, and is counted. */
  | {
    readonly type: "deliver";
    readonly to: readonly ConnectionId[];
    readonly frame: PublishFrame;
  }
  /** The same with packets that go on as they came. */
  | {
    readonly type: "deliverRun";
    readonly to: readonly ConnectionId[];
    readonly run: PublishRun;
  }
  /** Retained messages with QoS 0, one packet behind the other. May be dropped by a full outbox, and are counted. */
  | {
    readonly type: "deliverRetained";
    readonly to: ConnectionId;
    readonly bytes: Uint8Array;
    readonly count: number;
    /** Bytes of the payloads. */
    readonly payload: number;
  }
  /** QoS 1 and 2: the frame is shared, the packet id is written into the copy. */
  | {
    readonly type: "deliverAs";
    readonly to: ConnectionId;
    readonly frame: PublishFrame;
    readonly packetId: PacketId;
  }
  /** QoS 1 and 2: packets that go on as they came, under Packet Identifiers from `packetId` upwards. */
  | {
    readonly type: "deliverNumbered";
    readonly to: ConnectionId;
    readonly run: NumberedFrames;
    readonly packetId: PacketId;
  }
  /** QoS 1 and 2: packets for one client, in this order. */
  | {
    readonly type: "publishAll";
    readonly to: ConnectionId;
    readonly packets: readonly Publish[];
  }
  /** Acknowledgements of one kind that say nothing but yes, in this order. */
  | {
    readonly type: "acknowledge";
    readonly to: ConnectionId;
    readonly packet: Acknowledgement["type"];
    readonly packetIds: readonly PacketId[];
  }
  /** Stop and go on reading from a link: backpressure by TCP, not by memory. */
  | { readonly type: "pause" | "resume"; readonly connection: ConnectionId }
  /** From now on take packets up to that size from the link, section 3.2.2.3.6. */
  | { readonly type: "limitPackets"; readonly connection: ConnectionId; readonly bytes: number }
  /** From now on feed packets one by one, as reading may be paused behind each; or runs again. */
  | { readonly type: "feedSingly"; readonly connection: ConnectionId; readonly singly: boolean }
  /** Write out what the outbox holds, then close the link. */
  | { readonly type: "close"; readonly connection: ConnectionId }
  | {
    readonly type: "authenticate";
    readonly connection: ConnectionId;
    /** `next`: the exchange under way goes on with these Authentication Data, section 4.12. */
    readonly step: "first" | "next";
    readonly credentials: Credentials;
  }
  /** Read a stored session: sees every earlier write and none later. */
  | {
    readonly type: "load";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly most: number;
  }
  /** Read on in a stored queue, from that order on: sees every earlier write and none later. */
  | {
    readonly type: "read";
    readonly clientId: ClientId;
    readonly from: Order;
    readonly most: number;
  }
  /**
   * Make the client's session this node's, and read it: it sees every earlier write and none later. Who has
   * it is asked to let go of it, unless it is only wanted `ifFree`. Connection 0 is nobody's.
   */
  | {
    readonly type: "claim";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly most: number;
    readonly ifFree: boolean;
  }
  /** A message for clients of other nodes that get it with QoS 0: may be lost, is not waited for. */
  | {
    readonly type: "cast";
    readonly nodes: readonly NodeId[];
    readonly message: Message;
    /** The shared subscription, one of whose members there gets it. */
    readonly group: TopicFilter | undefined;
  }
  /** For a service of the broker, whose answer comes back as an event. */
  | { readonly type: "request"; readonly request: Request }
  /** What that answer speaks of is durable. */
  | { readonly type: "answered"; readonly ticket: number }
  /** The session that a service wants has come, or does not: what its queue holds, as far as that is known. */
  | {
    readonly type: "fetched";
    readonly ticket: number;
    readonly messages: number | undefined;
    readonly bytes: number | undefined;
    /** Why it does not come. */
    readonly problem: string | undefined;
  }
  | Persist
  | { readonly type: "observe"; readonly fact: Fact };

/** A subscription that is now in force; `existed` decides over Retain Handling 1. */
export interface Granted {
  readonly subscription: Subscription;
  readonly existed: boolean;
}

/** What a session asks of the broker around it. */
export type Demand =
  | Effect
  | {
    readonly type: "route";
    readonly message: Message;
    /** Leaves when all that the message led to is durable; `writes` are the publisher's own. */
    readonly receipt: Puback | Pubrec | undefined;
    readonly writes: readonly Write[];
  }
  | {
    readonly type: "subscribe";
    readonly granted: readonly Granted[];
    readonly receipt: Suback;
    readonly writes: readonly Write[];
  }
  | {
    readonly type: "unsubscribe";
    readonly removed: readonly Subscription[];
    /** What rules of auto-subscribe make in the place of the client's own. */
    readonly restored: readonly Subscription[];
    readonly receipt: Unsuback;
    readonly writes: readonly Write[];
  }
  /** The client broke the protocol: it is told so, where its version can be, and closed. */
  | { readonly type: "disconnect"; readonly packet: Disconnect; readonly detail: string };
