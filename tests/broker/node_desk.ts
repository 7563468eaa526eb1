/**
 * One broker of a cluster, step by step: what the shared state would tell it is said by the test, and what it
 * asks of the shared state is read as lines of text. Everything that it asks to be durable is, at once.
 */

import { Broker } from "../../src/broker/broker.ts";
import type { ClaimedSession } from "../../src/broker/cluster_event.ts";
import type { Event } from "../../src/broker/event.ts";
import type { Tables } from "../../src/broker/tables.ts";
import type { Connect, Packet } from "../../src/packet/packet.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import { singles } from "../../src/session/run_write.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import type { Effect, Persist } from "../../src/session/effect.ts";
import type { Delivery, Message } from "../../src/session/message.ts";
import { connectPacket, lineOf, subscribePacket } from "./packets.ts";

const TO_BYTES = new TextEncoder();

/** What is read of a session that has nothing. */
export const EMPTY: ClaimedSession = {
  received: [],
  inflight: [],
  queued: [],
  orders: [],
  sizes: [],
};

export interface NodeDeskOptions {
  readonly node?: string;
  readonly slot?: number;
  readonly localFirst?: boolean;
  readonly rules?: Rules;
}

export class NodeDesk {
  now = 1_000_000;
  /** What is asked to be durable is not, from now on. */
  hold = false;
  readonly broker: Broker;
  readonly #lines: string[] = [];
  #highest = 0;

  constructor(
    { node = "a", slot = 0, localFirst = false, rules = defaultRules }: NodeDeskOptions = {},
  ) {
    this.broker = new Broker(rules, { node, slot, localFirst });
    this.feed({ type: "nodes", nodes: [node, "b", "c"] });
    this.feed({ type: "recovered" });
    this.lines();
  }

  get tables(): Readonly<Tables> {
    return this.broker.snapshot();
  }

  /** What was asked for since the last time: writes, and effects that left. */
  lines(): readonly string[] {
    return this.#lines.splice(0);
  }

  /** Takes an event in; all that it asks to be durable is. */
  feed(event: Event): void {
    const effects = [...this.broker.step(event, this.now)];
    for (const effect of effects) this.#perform(effect);
    const persists = effects.filter((effect): effect is Persist => effect.type === "persist");
    if (persists.length > 0 && !this.hold) this.feed({ type: "settled", persists });
  }

  /** CONNECT, up to the claim of its session; a client is the user whose name it gives. */
  begin(connection: number, clientId: string, rest: Partial<Connect> = {}): void {
    const peer = { address: "127.0.0.1:1", listener: "main", anonymousAllowed: true };
    this.feed({ type: "opened", connection, peer, entropy: new Uint8Array(16) });
    this.feed({ type: "packet", connection, packet: connectPacket(clientId, rest) });
    const identity = { user: rest.username, roles: [] };
    this.feed({ type: "authenticated", connection, verdict: { type: "accepted", identity } });
  }

  /** The session is this node's. */
  claimed(connection: number, clientId: string, stored: Partial<ClaimedSession> = {}): void {
    this.feed({
      type: "claimed",
      connection,
      clientId,
      stored: { ...EMPTY, ...stored },
      highest: this.#highest,
    });
  }

  /** A client that is let in; with an expiry interval its session is stored. */
  connect(connection: number, clientId: string, expiry = 0, rest: Partial<Connect> = {}): void {
    this.begin(connection, clientId, {
      cleanStart: expiry === 0,
      properties: expiry === 0 ? undefined : { sessionExpiryInterval: expiry },
      ...rest,
    });
    this.claimed(connection, clientId);
  }

  packet(connection: number, packet: Packet): void {
    this.feed({ type: "packet", connection, packet });
  }

  subscribe(connection: number, filter: string, qos: 0 | 1 | 2 = 1): void {
    this.packet(connection, subscribePacket(1, [filter, { qos }]));
  }

  tick(milliseconds: number): void {
    this.now += milliseconds;
    this.feed({ type: "tick" });
  }

  #perform(effect: Effect): void {
    const lines = this.#lines;
    switch (effect.type) {
      case "persist":
        for (const write of singles(effect.writes)) lines.push(writeLine(write));
        return;
      case "send":
        lines.push(`${effect.to} < ${lineOf(effect.packet)}`);
        return;
      case "publishAll":
        for (const packet of effect.packets) lines.push(`${effect.to} < ${lineOf(packet)}`);
        return;
      case "deliver":
        for (const to of effect.to) lines.push(`${to} < publish qos 0`);
        return;
      case "deliverAs":
        lines.push(`${effect.to} < publish ${effect.packetId}`);
        return;
      case "claim":
        lines.push(
          `claim ${effect.clientId} for ${effect.connection}${effect.ifFree ? " if free" : ""}`,
        );
        return;
      case "cast": {
        const group = effect.group === undefined ? "" : ` ${effect.group}`;
        lines.push(`cast ${effect.nodes.join("+")} ${effect.message.topic}${group}`);
        return;
      }
      case "fetched":
        lines.push(`fetched ${effect.ticket} ${effect.problem ?? `with ${effect.messages}`}`);
        return;
      case "close":
        lines.push(`${effect.connection} closed`);
        return;
      case "observe":
        if (effect.fact.type === "dropped") {
          lines.push(`dropped ${effect.fact.clientId.replaceAll("\0", "0")} ${effect.fact.reason}`);
        }
    }
  }
}

function writeLine(write: AnyWrite): string {
  switch (write.type) {
    case "post":
      return `post ${write.clientId} ${write.delivery.message.topic} qos ${write.delivery.qos}`;
    case "forward":
      return `forward ${write.node} ${write.message.topic}`;
    case "share":
      return `share ${write.node} ${write.group} ${write.message.topic}`;
    case "taken":
      return `taken ${write.node} ${write.entry}`;
    case "announce":
      return `announce ${write.full} ${write.interest}`;
    case "buried":
      return `buried ${write.node}`;
    case "putQueued":
      return `putQueued ${write.clientId.replaceAll("\0", "0")} ${write.delivery.message.topic}`;
    case "deleteQueued":
      return `deleteQueued ${write.clientId.replaceAll("\0", "0")} ${write.order}`;
    case "putSubscription":
      return `putSubscription ${write.clientId} ${write.subscription.full}`;
    case "putInflight":
    case "deleteInflight":
      return `${write.type} ${write.clientId} ${write.packetId}`;
    case "putWill":
      return `putWill ${write.will.clientId} ${write.will.publishAt}`;
    case "putRetained":
      return `putRetained ${write.message.topic}`;
    case "deleteRetained":
      return `deleteRetained ${write.topic}${write.order === undefined ? "" : ` ${write.order}`}`;
    case "putSession":
      return `putSession ${write.clientId.replaceAll("\0", "0")}`;
    default:
      return "clientId" in write
        ? `${write.type} ${write.clientId.replaceAll("\0", "0")}`
        : write.type;
  }
}

/** A message as another node would send it. */
export function messageFrom(topic: string, rest: Partial<Message> = {}): Message {
  return {
    order: 5 * 1024 + 1,
    topic,
    payload: TO_BYTES.encode("x"),
    qos: 1,
    retain: false,
    properties: undefined,
    expiresAt: Infinity,
    publisher: "pump",
    ...rest,
  };
}

/** The same on its way to one subscriber. */
export function deliveryFrom(topic: string, rest: Partial<Message> = {}): Delivery {
  const message = messageFrom(topic, rest);
  const { qos } = message;
  return { message, qos, retain: false, subscriptionIdentifiers: undefined, group: undefined };
}
