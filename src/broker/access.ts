/**
 * Where the broker asks the rules of access around a connection: may it come in, with that Will; may a
 * session have that message; has what is kept of the answers become wrong.
 * MQTT 5.0 sections 3.1.2.5 and 5.4.2.
 */

import type { Connection } from "../connection/connection.ts";
import { finalTopic } from "../connection/permitted.ts";
import type { QoS } from "../packet/packet.ts";
import { Reason } from "../packet/reason_code.ts";
import type { Identity } from "../policy/identity.ts";
import { isControl, ONLY_NOW } from "../policy/control_topic.ts";
import { permits } from "../policy/permits.ts";
import type { Fact } from "../session/fact.ts";
import { isMounted } from "../topic/mount_point.ts";
import type { TopicName } from "../topic/topic_name.ts";
import type { Client, Tables } from "./tables.ts";

/** Words for the client: which rule it was is for the log alone. */
interface NotLetIn {
  readonly told: string;
  readonly fact: Fact;
}

/**
 * Why the rules do not let the client in; undefined where they do. A Will that it could not publish is
 * refused now, when someone can see it, and not on the day that it is needed.
 */
export function notLetIn({ rules }: Tables, connection: Connection): NotLetIn | undefined {
  const { identity, will, clientId } = connection;
  const admission = permits(rules, identity, "connect", "");
  if (!admission.permitted) {
    const told = "the client may not connect";
    return { told, fact: refused(clientId, "connect", "", admission.rule) };
  }
  if (will === undefined) return undefined;
  const { topic, qos, retain } = will;
  const final = finalTopic(topic);
  const decision = isControl(final)
    ? ONLY_NOW
    : permits(rules, identity, "publish", final, qos, retain);
  if (decision.permitted) return undefined;
  const told = "the client may not publish its Will to that topic";
  return { told, fact: refused(clientId, "publish", topic, `its Will: ${decision.rule}`) };
}

function refused(
  clientId: string,
  action: "connect" | "publish",
  topic: string,
  detail: string,
): Fact {
  return { type: "refused", clientId, action, topic, reasonCode: Reason.notAuthorized, detail };
}

/**
 * Whether the session's client may have a message of that topic, and sees it from where it is.
 *
 * @param qos of the PUBLISH to it, and its RETAIN flag
 */
export function mayReceive(
  { rules }: Tables,
  { session, live }: Client,
  topic: TopicName,
  qos: QoS,
  retain: boolean,
): boolean {
  if (session.subscriptions.awaited) return true; // it is asked again when its client has come
  if (live !== undefined && !isMounted(live.connection.mountPoint, topic)) return false;
  return permits(rules, session.owner, "receive", topic, qos, retain).permitted;
}

/** A session has another owner, or the same one in other circumstances: plans may be wrong now. */
export function ownerChanged(tables: Tables, before: Identity, owner: Identity): void {
  const { access, dynamic } = tables.rules;
  if (dynamic !== undefined && before.user !== owner.user || !access.sameFor(before, owner)) {
    tables.tree.forget();
  }
}
