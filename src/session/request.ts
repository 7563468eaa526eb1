/**
 * A request to a service of the broker: a PUBLISH below `$CONTROL` whose sender may do that, or the same by
 * another way in. MQTT 5.0 section 4.10.
 */

import type { ClientId, ConnectionId, Identity } from "../policy/identity.ts";
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
}

/** The client that a reply goes to, while it is connected. */
export interface Sender {
  readonly connection: ConnectionId;
  /** Its Response Topic; undefined: it gets the reply where it subscribes to `<topic>/response`. */
  readonly responseTopic: TopicName | undefined;
  readonly correlationData: Uint8Array | undefined;
}
