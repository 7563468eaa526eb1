/**
 * A control packet from a connection: the stage table, the guards, the session, and what the session
 * asks of the broker around it.
 */

import type { Refusal } from "../connection/guard.ts";
import { isRefusal } from "../connection/guard.ts";
import { mountedFilters } from "../connection/mount_point.ts";
import { passGuards } from "../connection/pipeline.ts";
import { stageRefuses } from "../connection/stage.ts";
import type { AcknowledgementRun } from "../packet/acknowledgement_run.ts";
import { variableByteIntegerSize } from "../packet/fixed_header.ts";
import type { Disconnect, Packet, Publish, Subscribe, Unsubscribe } from "../packet/packet.ts";
import { Reason, reasonName } from "../packet/reason_code.ts";
import { isControl } from "../policy/control_topic.ts";
import type { Demand } from "../session/effect.ts";
import { onAcknowledgements } from "../session/on_acknowledgements.ts";
import { onPuback } from "../session/on_puback.ts";
import { onPubcomp } from "../session/on_pubcomp.ts";
import { onPublish } from "../session/on_publish.ts";
import { onPubrec } from "../session/on_pubrec.ts";
import { onPubrel } from "../session/on_pubrel.ts";
import { onSubscribe } from "../session/on_subscribe.ts";
import { onUnsubscribe } from "../session/on_unsubscribe.ts";
import * as ids from "../session/packet_id_map.ts";
import type { Session } from "../session/session.ts";
import type { Given, Step } from "../session/step.ts";
import type { Subscription } from "../session/subscription_map.ts";
import { durably, stay } from "../session/step.ts";
import { admitConnect, turnAway } from "./admit.ts";
import { followRules } from "./auto_subscribe.ts";
import { authenticate } from "./authenticate.ts";
import { closeLive, dropLink } from "./close.ts";
import { refill } from "./refill.ts";
import { request } from "./request.ts";
import { route, takeOrder } from "./route.ts";
import { letGoAcknowledged } from "./shared_stored.ts";
import { enter, index, unindex } from "./subscribe.ts";
import { holdBack, overfull } from "./pressure.ts";
import { charge } from "./rate.ts";
import type { Client, Live, Tables } from "./tables.ts";
import { ask, replaceSession } from "./tables.ts";

/** One packet, after which the connection may be gone, or be held back. */
export function onPacket(tables: Tables, live: Live, packet: Packet): void {
  live.lastHeard = tables.now;
  const before = tables.pending;
  accept(tables, live, packet);
  if (live.meter !== undefined && packet.type === "publish") {
    charge(tables, live, live.meter, packet);
  }
  // Who adds nothing to what waits is read on: QoS 0 flows while the store takes nothing.
  if (tables.pending > before && overfull(tables)) holdBack(tables, live);
}

/** Acknowledgements of one kind in a row: one step where all are plain, else packet by packet. */
export function onAcknowledged(tables: Tables, live: Live, run: AcknowledgementRun): void {
  const { client } = live;
  const all = client === undefined || stageRefuses(live.connection.stage, run.type) !== undefined
    ? undefined
    : onAcknowledgements(client.session, run, givenTo(tables, live));
  if (all === undefined) return oneByOne(tables, live, run);
  live.lastHeard = tables.now;
  const before = tables.pending;
  if (run.type === "puback" && client!.groups.size > 0) {
    letGoAcknowledged(tables, client!, run.packetIds);
  }
  apply(tables, live, client!, all);
  if (tables.pending > before && overfull(tables)) holdBack(tables, live);
}

function oneByOne(tables: Tables, live: Live, { type, packetIds }: AcknowledgementRun): void {
  for (let i = 0; i < packetIds.length; i++) {
    if (tables.connections.get(live.id) !== live) return; // it has been closed over one of them
    const packetId = packetIds[i]!;
    onPacket(tables, live, { type, packetId, reasonCode: Reason.success, properties: undefined });
  }
}

function accept(tables: Tables, live: Live, packet: Packet): void {
  const { stage } = live.connection;
  const refused = stageRefuses(stage, packet.type);
  if (refused !== undefined) {
    const detail = `a ${packet.type} packet at the stage "${stage}"`;
    if (stage === "authenticating") { // no DISCONNECT before CONNACK [MQTT-3.14.0-1]
      return turnAway(tables, live, refused, detail, "protocolError");
    }
    return closeLive(tables, live, "protocolError", refused, detail);
  }
  switch (packet.type) {
    case "publish":
      return publish(tables, live, packet);
    case "connect":
      return admitConnect(tables, live, packet);
    case "pingreq":
      tables.out.push({ type: "send", to: live.id, packet: { type: "pingresp" } });
      return;
    case "disconnect":
      return disconnect(tables, live, packet);
    case "auth":
      return authenticate(tables, live, packet);
    default: {
      if (answerTooLarge(live, packet)) { // before anything is done that it would tell of
        const detail = `the answer to ${packet.type} is above its Maximum Packet Size`;
        return closeLive(tables, live, "protocolError", Reason.packetTooLarge, detail);
      }
      const client = live.client!;
      if (tables.walk !== undefined && hasFilters(packet)) followRules(tables, client); // its turn
      if (packet.type === "puback" && client.groups.size > 0) {
        letGoAcknowledged(tables, client, [packet.packetId]);
      }
      const meant = inTree(live, packet);
      apply(tables, live, client, transition(client.session, meant, givenTo(tables, live)));
    }
  }
}

/** The packet with its filters as they are in the whole tree of topics. */
function inTree({ connection: { mountPoint } }: Live, packet: Packet): Packet {
  return mountPoint === "" || !hasFilters(packet) ? packet : mountedFilters(mountPoint, packet);
}

function hasFilters(packet: Packet): packet is Subscribe | Unsubscribe {
  return packet.type === "subscribe" || packet.type === "unsubscribe";
}

/** Whether SUBACK or UNSUBACK, a code for each filter, is more than the client takes [MQTT-3.1.2-24]. */
function answerTooLarge({ connection }: Live, packet: Packet): boolean {
  if (connection.maximumPacketSize === Infinity) return false;
  if (packet.type !== "subscribe" && packet.type !== "unsubscribe") return false;
  const filters = packet.type === "subscribe" ? packet.subscriptions : packet.filters;
  const length = 3 + filters.length;
  return 1 + variableByteIntegerSize(length) + length > connection.maximumPacketSize;
}

function transition(session: Session, packet: Packet, given: Given): Step<Session, Demand> {
  switch (packet.type) {
    case "puback":
      return onPuback(session, packet, given);
    case "pubrec":
      return onPubrec(session, packet, given);
    case "pubrel":
      return onPubrel(session, packet, given);
    case "pubcomp":
      return onPubcomp(session, packet, given);
    case "subscribe":
      return onSubscribe(session, packet, given);
    case "unsubscribe":
      return onUnsubscribe(session, packet, given);
    default:
      return stay(session);
  }
}

function givenTo(tables: Tables, live: Live): Given {
  return {
    now: tables.now,
    rules: live.rules,
    announced: live.connection.announced,
    identity: live.connection.identity,
    connection: live.id,
    version: live.connection.version,
    order: tables.nextOrder,
    unacknowledged: live.unacknowledged,
  };
}

/** Puts the next session in the row and does what the step asks for. */
function apply(
  tables: Tables,
  live: Live,
  client: Client,
  { state, effects }: Step<Session, Demand>,
): void {
  const supplied = state.sendQuota > client.session.sendQuota;
  if (state !== client.session) replaceSession(tables, client, state);
  for (let i = 0; i < effects.length; i++) perform(tables, live, client, effects[i]!);
  if (client.live !== live) return;
  if (supplied || tables.runnable.has(client)) refill(tables, client);
}

function perform(tables: Tables, live: Live, client: Client, demand: Demand): void {
  switch (demand.type) {
    case "route": {
      takeOrder(tables);
      const { message, receipt, writes } = demand;
      if (message.topic.charCodeAt(0) === 0x24 && isControl(message.topic)) {
        return request(tables, live, client, demand);
      }
      return route(
        tables,
        message,
        client.clientId,
        receipt === undefined ? undefined : { live, client, packet: receipt },
        writes,
      );
    }
    case "subscribe":
      askReceipt(tables, live, client, demand);
      observeSubscriptions(
        tables,
        live,
        "subscribed",
        demand.granted.map((each) => each.subscription),
      );
      return index(tables, client, demand.granted);
    case "unsubscribe":
      // First: a group that ends with its last member is to end after the membership.
      askReceipt(tables, live, client, demand);
      observeSubscriptions(tables, live, "unsubscribed", demand.removed);
      unindex(tables, client, demand.removed);
      for (const subscription of demand.restored) enter(tables, client, subscription);
      return;
    case "disconnect":
      return closeLive(
        tables,
        live,
        "protocolError",
        demand.packet.reasonCode,
        demand.detail,
      );
    case "persist":
      return ask(tables, demand);
    default:
      tables.out.push(demand);
  }
}

function observeSubscriptions(
  tables: Tables,
  { connection: { clientId, identity: { user }, peer } }: Live,
  type: "subscribed" | "unsubscribed",
  subscriptions: readonly Subscription[],
): void {
  if (subscriptions.length === 0) return;
  tables.out.push({ type: "observe", fact: { type, clientId, user, peer, subscriptions } });
}

/** SUBACK or UNSUBACK, when what it speaks of is durable. */
function askReceipt(
  tables: Tables,
  live: Live,
  { clientId }: Client,
  { writes, receipt }: Demand & { readonly type: "subscribe" | "unsubscribe" },
): void {
  ask(tables, durably(clientId, writes, { type: "send", to: live.id, packet: receipt }));
}

function publish(tables: Tables, live: Live, packet: Publish): void {
  const client = live.client!;
  const passed = passGuards({ connection: live.connection, packet }, live.rules);
  if (passed.connection !== live.connection) live.connection = passed.connection;
  // What was accepted before is acknowledged again, whatever the rules say now [MQTT-4.3.3-10].
  const again = packet.qos === 2 && ids.has(client.session.received, packet.packetId);
  if (tables.storeFull && packet.qos > 0 && !again && !isRefusal(passed)) {
    if (live.connection.version === 5) {
      const detail = "the broker's store has no room for now";
      return refusePublish(tables, live, packet, { reason: Reason.quotaExceeded, detail });
    }
    holdBack(tables, live); // a 3.x client cannot be told: it waits for its acknowledgement
  }
  if (!isRefusal(passed) || again) {
    const accepted = isRefusal(passed) ? packet : passed.packet;
    const given = givenTo(tables, live);
    return apply(tables, live, client, onPublish(client.session, accepted, given));
  }
  if (passed.answer === "disconnect") {
    observeRefusal(tables, client, packet, passed);
    const why = passed.reason === Reason.notAuthorized ? "refused" : "protocolError";
    return closeLive(tables, live, why, passed.reason, passed.detail);
  }
  refusePublish(tables, live, packet, passed);
}

/** What a refusal says. */
type Why = Pick<Refusal, "reason" | "detail" | "told">;

/** Answers with the Reason Code where the version has one, and does nothing else with the message. */
function refusePublish(tables: Tables, live: Live, packet: Publish, why: Why): void {
  const client = live.client!;
  observeRefusal(tables, client, packet, why);
  if (packet.qos === 0) return;
  const { reason, detail, told } = why;
  const { version, problemInformation } = live.connection;
  const type = packet.qos === 1 ? "puback" : "pubrec";
  ask(
    tables,
    durably(client.clientId, [], {
      type: "send",
      to: live.id,
      packet: {
        type,
        packetId: packet.packetId,
        reasonCode: version === 5 ? reason : Reason.success,
        properties: version === 5 && problemInformation
          ? { reasonString: (told ?? detail).slice(0, 200) } // it may quote a whole topic [MQTT-3.4.2-2]
          : undefined,
      },
    }),
  );
}

function observeRefusal(tables: Tables, { clientId }: Client, { topic }: Publish, why: Why): void {
  const { reason: reasonCode, detail } = why;
  tables.out.push({
    type: "observe",
    fact: { type: "refused", clientId, action: "publish", topic, reasonCode, detail },
  });
}

/** DISCONNECT: the Will goes unless the client asks for it, section 3.14.4. */
function disconnect(tables: Tables, live: Live, packet: Disconnect): void {
  const { client } = live; // undefined where it gives up its authentication, section 4.12
  const asked = packet.properties?.sessionExpiryInterval;
  if (client !== undefined && asked !== undefined && asked !== client.session.expiryInterval) {
    if (client.session.expiryInterval === 0) { // [MQTT-3.14.2-2] and section 3.14.2.2.2
      return closeLive(
        tables,
        live,
        "protocolError",
        Reason.protocolError,
        "a Session Expiry Interval in DISCONNECT where CONNECT had 0",
      );
    }
    const { maximumSessionExpiryInterval } = tables.rules.limits;
    const expiryInterval = Math.min(asked, maximumSessionExpiryInterval);
    replaceSession(tables, client, { ...client.session, expiryInterval });
  }
  const detail = reasonName(packet.reasonCode);
  const reason = packet.reasonCode === Reason.normalDisconnection
    ? "clientDisconnected"
    : "clientFailed";
  dropLink(tables, live, reason, packet.reasonCode, detail);
}
