/**
 * A request to a service of the broker: a PUBLISH below `$CONTROL` whose sender may do that, or the same by
 * another way in. MQTT 5.0 section 4.10.
 */

import type { ClientId, ConnectionId, Identity, NodeId } from "../policy/identity.ts";
import type { TopicName } from "../topic/topic_name.ts";

export interface Request {
  /** The whole of it, such as `$CONTROL/dunlin/v1/sessions/kick`. */
  readonly topic: TopicName;
  readonly payload: Uint8Array;
  /** Who asks. */
  readonly identity: Identity;
  /** Empty where it did not come over MQTT. */
  readonly clientId: ClientId;
  /** As links write it, with the port. */
  readonly address: string;
  readonly listener: string;
  readonly via: "mqtt" | "http";
  /** Where the reply goes; undefined where it did not come over MQTT. */
  readonly sender: Sender | undefined;
  /** Absent where who asks has asked this node. */
  readonly passedOn?: PassedOn | undefined;
}

/**
 * Another node of the cluster was asked, and has decided that it may be asked: this one answers for itself
 * alone, and for the sessions that it has.
 */
export interface PassedOn {
  readonly from: NodeId;
}

/** The client that a reply goes to, while it is connected. */
export interface Sender {
  readonly connection: ConnectionId;
  /** Its Response Topic; undefined: it gets the reply where it subscribes to `<topic>/response`. */
  readonly responseTopic: TopicName | undefined;
  readonly correlationData: Uint8Array | undefined;
}
