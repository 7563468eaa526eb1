/**
 * What clients do, as JSON below `$SYS/broker/clients/{client id}/…`, with the names that EMQX has for topics
 * and members: `connected`, `disconnected`, `subscribed` and `unsubscribed`. Not retained. Pure.
 *
 * In the topic, `%` `+` `#` `/` of a client id are written as `%25` `%2B` `%23` `%2F`; in the text they stand as
 * they are.
 */

import type { OwnMessage } from "../broker/publish_own.ts";
import { reasonName } from "../packet/reason_code.ts";
import type { Instant } from "../policy/identity.ts";
import { hostOf } from "../policy/ip_address.ts";
import type { Fact } from "../session/fact.ts";

/** The longest client id, in UTF-16 units, that fits a Topic Name however it is written. */
const LONGEST = 10_000;

/** The events of a fact: one for each subscription, else one or none. */
export function clientEvents(fact: Fact, now: Instant): readonly OwnMessage[] {
  const ts = Math.floor(now);
  switch (fact.type) {
    case "connected": {
      const { peer, version, keepAlive, sessionPresent, cleanStart, expiryInterval } = fact;
      return [event(fact, "connected", {
        ...whose(fact),
        ipaddress: hostOf(peer.address) ?? peer.address,
        listener: peer.listener,
        proto_name: version === 3 ? "MQIsdp" : "MQTT",
        proto_ver: version,
        keepalive: keepAlive,
        clean_start: cleanStart,
        expiry_interval: expiryInterval,
        session_present: sessionPresent,
        connected_at: ts,
        ts,
      })];
    }
    case "disconnected": {
      if (!fact.letIn) return [];
      const { peer, reason, reasonCode } = fact;
      return [event(fact, "disconnected", {
        ...whose(fact),
        ipaddress: hostOf(peer.address) ?? peer.address,
        listener: peer.listener,
        reason,
        reason_code: reasonName(reasonCode),
        disconnected_at: ts,
        ts,
      })];
    }
    case "subscribed":
      return fact.subscriptions.map(({ full, options }) =>
        event(fact, "subscribed", {
          ...whose(fact),
          topic: full,
          qos: options.qos,
          subopts: {
            qos: options.qos,
            nl: Number(options.noLocal),
            rap: Number(options.retainAsPublished),
            rh: options.retainHandling,
            ...options.subscriptionIdentifier === undefined
              ? {}
              : { sub_id: options.subscriptionIdentifier },
          },
          ts,
        })
      );
    case "unsubscribed":
      return fact.subscriptions.map(({ full }) =>
        event(fact, "unsubscribed", { ...whose(fact), topic: full, ts })
      );
    default:
      return [];
  }
}

interface Whose {
  readonly clientId: string;
  readonly user: string | undefined;
}

function whose({ clientId, user }: Whose) {
  return { clientid: clientId, username: user ?? null };
}

function event({ clientId }: Whose, name: string, text: unknown): OwnMessage {
  const level = clientId.length > LONGEST ? clientId.slice(0, LONGEST) : clientId;
  return {
    topic: `$SYS/broker/clients/${level.replace(/[%+#/]/g, encodeURIComponent)}/${name}`,
    payload: new TextEncoder().encode(JSON.stringify(text)),
    retain: false,
  };
}
