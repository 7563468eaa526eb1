/**
 * `Event` is all that can happen to a broker; its state is a function of the list of them.
 */

import type { AcknowledgementRun } from "../packet/acknowledgement_run.ts";
import type { NumberedRun } from "../packet/numbered_run.ts";
import type { Packet, ProtocolVersion, Publish } from "../packet/packet.ts";
import type { PublishRun } from "../packet/publish_run.ts";
import type { RetainedRun } from "../packet/retained_run.ts";
import type { ReasonCode } from "../packet/reason_code.ts";
import type { ClientId, ConnectionId, Peer, Verdict } from "../policy/identity.ts";
import type { ClusterEvent } from "./cluster_event.ts";
import type { BanKind } from "../policy/bans.ts";
import type { Rules } from "../policy/rules.ts";
import type { CloseReason } from "../session/fact.ts";
import type { Persist } from "../session/effect.ts";
import type { Order } from "../session/message.ts";
import type { Queued } from "../session/delivery_run.ts";
import type { IndexRecord, StoredSession } from "../session/write.ts";
import type { Answer } from "./answer.ts";
import type { Provisioned } from "./provision.ts";
import type { ManagementEvent } from "./manage.ts";
import type { OwnMessage } from "./publish_own.ts";

export type Event =
  | {
    readonly type: "opened";
    readonly connection: ConnectionId;
    readonly peer: Peer;
    /** 16 random bytes. */
    readonly entropy: Uint8Array;
  }
  | { readonly type: "packet"; readonly connection: ConnectionId; readonly packet: Packet }
  /** Packets that are alike, the first of them decoded. */
  | {
    readonly type: "run";
    readonly connection: ConnectionId;
    readonly first: Publish;
    readonly run: PublishRun;
  }
  /** The same with QoS 1 and 2. */
  | {
    readonly type: "numbered";
    readonly connection: ConnectionId;
    readonly first: Publish;
    readonly run: NumberedRun;
  }
  /** Packets that have in common that they are retained. */
  | {
    readonly type: "retained";
    readonly connection: ConnectionId;
    readonly run: RetainedRun;
  }
  /** Acknowledgements of one kind, one behind the other. */
  | {
    readonly type: "acknowledged";
    readonly connection: ConnectionId;
    readonly run: AcknowledgementRun;
  }
  | {
    readonly type: "malformed";
    readonly connection: ConnectionId;
    readonly reason: ReasonCode;
    readonly detail: string;
    /** Named by a CONNECT that got that far. */
    readonly version: ProtocolVersion | undefined;
  }
  | {
    readonly type: "authenticated";
    readonly connection: ConnectionId;
    readonly verdict: Verdict;
  }
  | {
    readonly type: "loaded";
    readonly connection: ConnectionId;
    readonly clientId: ClientId;
    readonly stored: StoredSession<Queued>;
  }
  | {
    readonly type: "read";
    readonly clientId: ClientId;
    /** What was asked for. */
    readonly from: Order;
    readonly queued: readonly Queued[];
  }
  /** These are durable now; what stood in their `then` may leave. */
  | { readonly type: "settled"; readonly persists: readonly Persist[] }
  | { readonly type: "congested" | "drained"; readonly connection: ConnectionId }
  /** The link ended without the broker's doing. */
  | { readonly type: "closed"; readonly connection: ConnectionId; readonly reason: CloseReason }
  | { readonly type: "tick" }
  /** The store has no room for now, and its words for that; or it has some again. */
  | { readonly type: "store"; readonly full: boolean; readonly detail: string }
  /** At start, before the first connection: what the store kept, and that this was all. */
  | { readonly type: "indexed"; readonly record: IndexRecord }
  | { readonly type: "recovered" }
  /** The broker's own messages. */
  | { readonly type: "publish"; readonly messages: readonly OwnMessage[] }
  | { readonly type: "rules"; readonly rules: Rules }
  /** A session for a client that has never connected; one that is there stays as it is. */
  | { readonly type: "provision" } & Provisioned
  | ManagementEvent
  | ClusterEvent
  /** A service of the broker has answered a request. */
  | { readonly type: "answer"; readonly answer: Answer }
  /** A listener is no more: whoever came by it is told, and closed. */
  | { readonly type: "listenerRemoved"; readonly listener: string }
  /** A ban has been made, its value as `Bans` keeps it: whoever is here and is hit has to go. */
  | { readonly type: "banned"; readonly kind: BanKind; readonly value: string }
  | { readonly type: "kick"; readonly clientId: ClientId; readonly reason: ReasonCode }
  | { readonly type: "shutdown" };
