/**
 * A PUBLISH below `$CONTROL` that its sender may make: handed to the service whose topic it is and to no
 * subscriber, and never retained. MQTT 5.0 sections 3.3.2.3.5 and 4.10.
 *
 * It is acknowledged like any other message. What it asks for is answered by another message.
 */

import type { Demand } from "../session/effect.ts";
import { durably } from "../session/step.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask } from "./tables.ts";

/** Acknowledges it, and asks the service. */
export function request(
  tables: Tables,
  live: Live,
  { clientId }: Client,
  { message, receipt, writes }: Demand & { readonly type: "route" },
): void {
  if (receipt !== undefined) {
    ask(tables, durably(clientId, writes, { type: "send", to: live.id, packet: receipt }));
  }
  const { identity, peer } = live.connection;
  const { responseTopic, correlationData } = message.properties ?? {};
  tables.out.push({
    type: "request",
    request: {
      topic: message.topic,
      payload: message.payload.slice(), // what was read may be overwritten before it is looked at
      identity,
      clientId,
      address: peer.address,
      listener: peer.listener,
      via: "mqtt",
      sender: {
        connection: live.id,
        responseTopic,
        correlationData: correlationData?.slice(),
      },
    },
  });
}
