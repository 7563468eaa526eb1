/**
 * Facts: what no event and no other effect shows, told to whoever counts and logs. The reasons are the closed
 * lists of reason_words.ts: the same word stands in the log and in every statistic.
 */

import type { ReasonCode } from "../packet/reason_code.ts";
import type { ProtocolVersion } from "../packet/packet.ts";
import type { SkipReason } from "../policy/auto_template.ts";
import type { ClientId, ConnectionId, Peer, Seconds } from "../policy/identity.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { CloseReason, DropReason, SessionEnd } from "./reason_words.ts";
import type { Subscription } from "./subscription_map.ts";

export type { CloseReason, DropReason } from "./reason_words.ts";

/** The limits that are rates of what is published. */
export type RateLimit = "messageRate" | "byteRate" | "listenerMessageRate" | "listenerByteRate";

export type Fact =
  | {
    readonly type: "connected";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly user: string | undefined;
    readonly peer: Peer;
    readonly version: ProtocolVersion;
    readonly cleanStart: boolean;
    readonly sessionPresent: boolean;
    readonly expiryInterval: Seconds;
    readonly keepAlive: number;
  }
  | {
    readonly type: "disconnected";
    readonly connection: ConnectionId;
    /** Empty when it never said who it was. */
    readonly clientId: ClientId;
    readonly user: string | undefined;
    readonly peer: Peer;
    /** It had been let in: there was a fact "connected". */
    readonly letIn: boolean;
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
  /** Subscriptions of a client that is here came into force, or ended: by a packet, or by rules (see `origin`). */
  | {
    readonly type: "subscribed" | "unsubscribed";
    readonly clientId: ClientId;
    readonly user: string | undefined;
    readonly peer: Peer;
    readonly subscriptions: readonly Subscription[];
  }
  | {
    readonly type: "sessionEnded";
    readonly clientId: ClientId;
    readonly why: SessionEnd;
    readonly messagesDropped: number;
    /** It was made before its client came, which has asked for a Clean Start. Absent: no. */
    readonly awaited?: boolean | undefined;
  }
  /** A filter of a rule of auto-subscribe makes no subscription for a client that the rule is about. */
  | {
    readonly type: "autoSubscribeSkipped";
    readonly clientId: ClientId;
    /** Its name. */
    readonly rule: string;
    /** As written. */
    readonly filter: string;
    readonly why: SkipReason;
    readonly detail: string;
  }
  /** A session was made for a client that has never connected. */
  | {
    readonly type: "provisioned";
    readonly clientId: ClientId;
    /** Undefined: whoever is let in first. */
    readonly user: string | undefined;
    readonly subscriptions: number;
  }
  /** It was not, as there is no room for it. */
  | { readonly type: "notProvisioned"; readonly clientId: ClientId; readonly detail: string }
  /** A client is above a rate of its own, or clients together above that of their listener: not read for a while. */
  | {
    readonly type: "rateLimited";
    /** Empty where it is the listener's rate. */
    readonly clientId: ClientId;
    readonly listener: string;
    readonly limit: RateLimit;
    /** A second. */
    readonly rate: number;
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
