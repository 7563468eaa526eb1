/**
 * A strict MQTT 5.0 client that connects to any node that lives, keeps its half of the session across all of
 * them, and writes down what comes and what the standard forbids. It never errs itself. It is told when to go,
 * to drop its link or to come back elsewhere; by itself it comes back whenever a link ends.
 */

import type { Connack, Packet, Publish, QoS } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Random } from "../simulation/random.ts";
import type { ConnectionRecord, Ending, Ledger, Publication } from "./ledger.ts";
import type { SubscriptionRecord } from "./ledger.ts";
import { payloadOf, publicationOf } from "./ledger.ts";
import { Link } from "./link.ts";

/** What a client is like as long as it lives. */
export interface Character {
  readonly id: string;
  /** Keeps its session; otherwise each connection has a new one. */
  readonly persistent: boolean;
  readonly receiveMaximum: number;
  readonly subscriptions: readonly Wanted[];
  /** Each connection has a Will of its own on this topic; `delay` in seconds. */
  readonly will?: { readonly topic: string; readonly qos: QoS; readonly delay: number };
}

export interface Wanted {
  readonly full: string;
  readonly qos: QoS;
}

/** Where nodes listen, and which of their lives it is. */
export interface Door {
  readonly port: number;
  readonly run: number;
}

export interface Surroundings {
  readonly ledger: Ledger;
  readonly random: Random;
  readonly doors: () => readonly Door[];
}

interface Outbound {
  readonly publication: Publication;
  awaiting: "puback" | "pubrec" | "pubcomp";
}

interface Request {
  readonly records: readonly SubscriptionRecord[];
  /** Filters of an UNSUBSCRIBE. */
  readonly filters: readonly string[];
}

/** One Network Connection. */
interface Call {
  readonly record: ConnectionRecord;
  link: Link | undefined;
  connected: boolean;
  readonly unacknowledged: Set<number>;
  readonly requests: Map<number, Request>;
  quota: number;
  pingedAt: number;
  readonly patience: number;
  /** When the next acknowledgement may leave: they leave in order. */
  ackAt: number;
  /** The connection that took over from it. */
  successor: ConnectionRecord | undefined;
}

/** Seconds; the broker's measure is half as much again. */
const KEEP_ALIVE = 10;
const PING = 2_000;
/** Milliseconds without an answer to a PINGREQ after which a link counts as dead. */
const DEAF = 3_500;
/** Milliseconds in which what was on its way on a link that was taken over has to come. */
const STALE = 3_000;
/** Milliseconds in which a link that was taken over has to be closed. */
const CLOSING = 40_000;
/** Its own PUBLISH packets that may be unacknowledged. */
const WINDOW = 10;
const MOST_BACKLOG = 30;

const MAY_BE_TOLD: ReadonlySet<number> = new Set([
  Reason.sessionTakenOver,
  Reason.keepAliveTimeout,
  Reason.serverShuttingDown,
  Reason.serverUnavailable,
  Reason.serverBusy,
  Reason.quotaExceeded,
  Reason.useAnotherServer,
]);
const MAY_BE_REFUSED: ReadonlySet<number> = new Set([
  Reason.serverUnavailable,
  Reason.serverBusy,
  Reason.serverShuttingDown,
  Reason.useAnotherServer,
]);

export class Actor {
  readonly character: Character;
  readonly #in: Surroundings;
  readonly #outbound = new Map<number, Outbound>();
  readonly #received = new Set<number>();
  #backlog: Publication[] = [];
  readonly #wanted = new Map<string, QoS>();
  readonly #subscribed = new Map<string, SubscriptionRecord>();
  #call: Call | undefined;
  readonly #old = new Set<Call>();
  #dialling = false;
  #redialAt = 0;
  #hasSession = false;
  #session = 0;
  #nextPacketId = 0;
  #resting = false;

  constructor(character: Character, surroundings: Surroundings) {
    this.character = character;
    this.#in = surroundings;
    for (const { full, qos } of character.subscriptions) this.#wanted.set(full, qos);
  }

  get id(): string {
    return this.character.id;
  }

  get connected(): boolean {
    return this.#call?.connected === true;
  }

  /** Of what it published nothing is unanswered. */
  get answered(): boolean {
    return this.#outbound.size === 0 && this.#backlog.length === 0;
  }

  /** All subscriptions that it wants are confirmed. */
  get subscribed(): boolean {
    for (const full of this.#wanted.keys()) {
      if (!((this.#subscribed.get(full)?.confirmedAt ?? Infinity) < Infinity)) return false;
    }
    return this.connected && this.#call!.requests.size === 0;
  }

  describe(): string {
    const out = [...this.#outbound].map(([id, { publication, awaiting }]) =>
      `${id} #${publication.id} ${awaiting}`
    );
    const call = this.#call;
    const where = call === undefined
      ? "no link"
      : `node ${call.record.node} run ${call.record.run}`;
    return `${this.id}: ${where}, connected ${this.connected}, outbound [${out}], backlog ` +
      `${this.#backlog.length}, received [${[...this.#received]}]`;
  }

  // ---- what it is told to do

  /** Puts a message behind those that wait; the answer says whether there was room. */
  publish(topic: string, qos: QoS, retain: boolean): boolean {
    if (this.#backlog.length >= MOST_BACKLOG || (qos === 0 && !this.connected)) return false;
    const { ledger } = this.#in;
    const publication = ledger.publication({
      publisher: this.id,
      topic,
      qos,
      retain,
      will: false,
    });
    if (qos === 0) {
      this.#sendPublish(this.#call!, publication, 0, false);
    } else {
      this.#backlog.push(publication);
      if (this.connected) this.#supply(this.#call!);
    }
    return true;
  }

  /** Asks for a filter, from now on in each session, unless it has it or still waits for an answer. */
  subscribe(full: string, qos: QoS): void {
    if (this.#wanted.has(full) || !this.subscribed) return;
    this.#wanted.set(full, qos);
    this.#subscribe(this.#call!, [full]);
  }

  /** The contrary, of any filter that it has. */
  unsubscribeOne(random: Random): void {
    const call = this.#call;
    const filters = [...this.#wanted.keys()];
    if (call === undefined || filters.length === 0 || !this.subscribed) return;
    const full = filters[random.between(0, filters.length - 1)]!;
    this.#wanted.delete(full);
    const record = this.#subscribed.get(full);
    if (record !== undefined) record.endSentAt = Math.min(record.endSentAt, this.#in.ledger.now());
    this.#subscribed.delete(full);
    const packetId = this.#freePacketId(call);
    call.requests.set(packetId, { records: [], filters: [full] });
    call.link!.send({ type: "unsubscribe", packetId, filters: [full], userProperties: undefined });
  }

  /** Ends the link without a word; comes back after that many milliseconds, 0: soon. */
  drop(pause = 0): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#end(call, "dropped", pause);
  }

  /** DISCONNECT, and comes back when the broker has closed the link, or does not. */
  leave(reasonCode: 0 | 4): void {
    const call = this.#call;
    if (call === undefined || !call.connected) return;
    call.link!.send({ type: "disconnect", reasonCode, properties: undefined });
    const { link } = call;
    call.link = undefined;
    this.#end(call, reasonCode === 0 ? "disconnected" : "disconnectedWithWill", 3_000);
    call.link = link;
    this.#old.add(call);
    void link!.finish();
  }

  /** Connects to another node and leaves the link that there is as it is. */
  moveOver(): void {
    const call = this.#call;
    if (call === undefined || !call.connected || this.#dialling || this.#resting) return;
    const { doors, random } = this.#in;
    const others = doors().map((door, node) => [door, node] as const)
      .filter(([, node]) => node !== call.record.node);
    const [door, node] = others[random.between(0, others.length - 1)] ?? [];
    if (door !== undefined) void this.#dial(door, node!);
  }

  /** Does not come back any more; a link that is there stays. */
  rest(): void {
    this.#resting = true;
  }

  /** Time passes: pings, gives up, comes back. */
  tick(): void {
    const now = this.#in.ledger.now();
    const call = this.#call;
    for (const old of this.#old) this.#watchOld(old, now);
    if (call === undefined) {
      if (this.#resting || this.#dialling || now < this.#redialAt) return;
      const doors = this.#in.doors();
      const node = this.#in.random.between(0, doors.length - 1);
      void this.#dial(doors[node]!, node);
    } else if (!call.connected) {
      if (now - call.record.dialledAt > call.patience) this.#end(call, "silent", 0);
    } else if (call.pingedAt > call.record.heardAt) {
      if (now - call.pingedAt > DEAF) this.#end(call, "silent", 0);
    } else if (now - call.pingedAt > PING) {
      call.pingedAt = now;
      call.link!.send({ type: "pingreq" });
    }
  }

  /** The end of everything, without a word. */
  close(): void {
    this.#resting = true;
    this.#call?.link?.close();
    for (const { link } of this.#old) link?.close();
    this.#call = undefined;
    this.#old.clear();
  }

  // ---- links

  async #dial({ port, run }: Door, node: number): Promise<void> {
    const { ledger, random } = this.#in;
    const { id, persistent, receiveMaximum, will } = this.character;
    this.#dialling = true;
    let call: Call | undefined;
    const ear = {
      packet: (packet: Packet) => this.#hear(call!, packet),
      unreadable: (problem: string) => ledger.violation("protocol", problem, id),
      ended: () => this.#ended(call!),
    };
    let link: Link;
    try {
      link = await Link.dial(port, ear);
    } catch {
      this.#redialAt = ledger.now() + random.between(20, 300);
      return;
    } finally {
      this.#dialling = false;
    }
    if (this.#resting) return link.close();
    const before = this.#call;
    const record = ledger.connection(id, node, run, !persistent);
    if (before !== undefined) {
      const { link } = before;
      before.link = undefined;
      this.#end(before, "takenOver", 0);
      before.link = link;
      before.successor = record;
      this.#old.add(before);
    }
    const now = ledger.now();
    this.#call = call = {
      record,
      link,
      connected: false,
      unacknowledged: new Set(),
      requests: new Map(),
      quota: 0,
      pingedAt: now,
      patience: random.between(4_000, 15_000),
      ackAt: 0,
      successor: undefined,
    };
    let publication: Publication | undefined;
    if (will !== undefined) {
      const { topic, qos, delay } = will;
      publication = ledger.publication({ publisher: id, topic, qos, retain: false, will: true });
      publication.firstSentAt = now;
      ledger.wills.push({ publication, connection: record, delay: delay * 1000 });
    }
    link.send({
      type: "connect",
      protocolVersion: 5,
      clientId: id,
      cleanStart: !persistent,
      keepAlive: KEEP_ALIVE,
      username: undefined,
      password: undefined,
      will: publication === undefined ? undefined : {
        topic: publication.topic,
        payload: payloadOf(publication),
        qos: publication.qos,
        retain: false,
        willDelayInterval: will!.delay,
        properties: undefined,
      },
      properties: { sessionExpiryInterval: persistent ? 86_400 : 0, receiveMaximum },
    });
  }

  /** The client's side is done with this connection. */
  #end(call: Call, ending: Ending, pause: number): void {
    const { ledger, random } = this.#in;
    const now = ledger.now();
    call.record.endedAt = now;
    call.record.ending = ending;
    call.link?.close();
    call.requests.clear();
    if (this.#call === call) this.#call = undefined;
    this.#redialAt = now + (pause > 0 ? pause : random.between(5, 400));
    if (!this.character.persistent) this.#forget();
  }

  /** The session is over: what it owed and was owed has ended. */
  #forget(): void {
    const now = this.#in.ledger.now();
    for (const record of this.#subscribed.values()) {
      record.endSentAt = Math.min(record.endSentAt, now);
    }
    this.#subscribed.clear();
    for (const { publication } of this.#outbound.values()) {
      if (publication.acknowledgedAt === Infinity) publication.refused = true; // given up
    }
    this.#outbound.clear();
    this.#received.clear();
    this.#session += 1;
    this.#hasSession = false;
  }

  #ended(call: Call): void {
    if (this.#old.delete(call)) {
      if (call.record.ending?.startsWith("disconnected")) {
        call.record.closedAt = this.#in.ledger.now();
        this.#redialAt = Math.min(this.#redialAt, this.#in.ledger.now() + 50);
      }
      return;
    }
    if (this.#call === call) this.#end(call, "lost", 0);
  }

  /** A link that was taken over, or left by DISCONNECT. */
  #watchOld(call: Call, now: number): void {
    if (call.successor === undefined) {
      if (now - call.record.endedAt > 3_000) {
        call.link?.close();
        this.#old.delete(call);
      }
      return;
    }
    const since = Math.min(call.successor.connackAt, call.successor.endedAt);
    if (now < since + CLOSING) return;
    if (call.successor.connackAt !== Infinity) {
      this.#violation(
        "open",
        `connection ${call.record.serial} is open ${CLOSING} ms after takeover`,
      );
    }
    call.link?.close();
    this.#old.delete(call);
  }

  // ---- what comes

  #hear(call: Call, packet: Packet): void {
    const now = this.#in.ledger.now();
    if (this.#call === call) call.record.heardAt = now;
    if (packet.type === "disconnect") {
      call.record.told = packet.reasonCode;
      this.#in.ledger.count(`DISCONNECT 0x${packet.reasonCode.toString(16)}`);
      if (!MAY_BE_TOLD.has(packet.reasonCode)) {
        const { properties } = packet;
        this.#violation(
          "protocol",
          `DISCONNECT 0x${packet.reasonCode.toString(16)} ${properties?.reasonString ?? ""}`,
        );
      }
      return;
    }
    if (this.#call !== call) {
      // What comes by a link that has ended for the client does not count, but may not come for ever.
      const taken = call.successor?.connackAt ?? Infinity;
      if (packet.type === "publish" && packet.qos > 0 && now > taken + STALE) {
        this.#violation(
          "stale",
          `connection ${call.record.serial} brought a PUBLISH ${Math.round(now - taken)} ms ` +
            `after ${call.successor!.serial} had taken over`,
        );
      }
      return;
    }
    if (!call.connected && packet.type !== "connack") {
      return this.#violation("protocol", `${packet.type} before CONNACK`);
    }
    switch (packet.type) {
      case "connack":
        return this.#onConnack(call, packet);
      case "publish":
        return this.#onPublish(call, packet);
      case "puback":
      case "pubrec":
        return this.#onReceipt(call, packet.type, packet.packetId, packet.reasonCode);
      case "pubrel":
        return this.#onPubrel(call, packet.packetId, packet.reasonCode);
      case "pubcomp":
        return this.#onPubcomp(call, packet.packetId, packet.reasonCode);
      case "suback":
      case "unsuback":
        return this.#onSuback(call, packet.type, packet.packetId, packet.reasonCodes);
      case "pingresp":
        return;
      default:
        this.#violation("protocol", `a ${packet.type} from a server`);
    }
  }

  #onConnack(call: Call, { reasonCode, sessionPresent, properties }: Connack): void {
    const { ledger } = this.#in;
    const { persistent } = this.character;
    if (call.connected) return this.#violation("protocol", "a second CONNACK");
    if (reasonCode !== 0) {
      ledger.count(`CONNACK 0x${reasonCode.toString(16)}`);
      if (!MAY_BE_REFUSED.has(reasonCode)) {
        this.#violation(
          "protocol",
          `CONNACK 0x${reasonCode.toString(16)} ${properties?.reasonString ?? ""}`,
        );
      }
      call.record.refused = true;
      return this.#end(call, "lost", 500);
    }
    if (sessionPresent && !persistent) {
      this.#violation("protocol", "Session Present at Clean Start");
    }
    if (!sessionPresent && this.#hasSession) {
      this.#violation("session", "its session was forgotten");
      this.#forget();
    }
    this.#hasSession = persistent;
    call.record.connackAt = ledger.now();
    call.record.sessionPresent = sessionPresent;
    call.connected = true;
    call.quota = Math.min(properties?.receiveMaximum ?? 65_535, WINDOW);
    for (const [packetId, { publication, awaiting }] of this.#outbound) { // [MQTT-4.4.0-1]
      if (awaiting === "pubcomp") {
        call.link!.send({ type: "pubrel", packetId, reasonCode: 0, properties: undefined });
      } else this.#sendPublish(call, publication, packetId, true);
      call.quota -= 1;
    }
    const missing = [...this.#wanted.keys()].filter((full) =>
      !((this.#subscribed.get(full)?.confirmedAt ?? Infinity) < Infinity)
    );
    if (missing.length > 0) this.#subscribe(call, missing);
    this.#supply(call);
  }

  #subscribe(call: Call, filters: readonly string[]): void {
    const { ledger } = this.#in;
    const records = filters.map((full): SubscriptionRecord => {
      const shared = full.startsWith("$share/");
      const record = {
        client: this.id,
        full,
        filter: shared ? full.split("/").slice(2).join("/") : full,
        shared,
        qos: this.#wanted.get(full)!,
        session: this.#session,
        connection: this.character.persistent ? undefined : call.record.serial,
        confirmedAt: Infinity,
        endSentAt: Infinity,
      };
      this.#subscribed.set(full, record);
      ledger.subscriptions.push(record);
      return record;
    });
    const packetId = this.#freePacketId(call);
    call.requests.set(packetId, { records, filters: [] });
    call.link!.send({
      type: "subscribe",
      packetId,
      subscriptions: records.map(({ full, qos }) => ({
        filter: full,
        options: {
          qos,
          noLocal: false,
          retainAsPublished: false,
          retainHandling: 2,
          subscriptionIdentifier: undefined,
        },
      })),
      userProperties: undefined,
    });
  }

  #onSuback(
    call: Call,
    type: "suback" | "unsuback",
    packetId: number,
    codes: readonly number[],
  ): void {
    const request = call.requests.get(packetId);
    if (request === undefined) return this.#violation("protocol", `${type} ${packetId}: no such`);
    call.requests.delete(packetId);
    for (const [at, record] of request.records.entries()) {
      const code = codes[at];
      if (code === record.qos) record.confirmedAt = this.#in.ledger.now();
      else if (code !== undefined && code >= 0x80) {
        this.#in.ledger.count(`SUBACK 0x${code.toString(16)}`);
        this.#subscribed.delete(record.full);
      } else {this.#violation(
          "protocol",
          `SUBACK ${code} for ${record.full} with QoS ${record.qos}`,
        );}
    }
  }

  #onPublish(call: Call, packet: Publish): void {
    const { ledger } = this.#in;
    const { topic, qos, dup, retain, packetId, payload } = packet;
    const publication = publicationOf(ledger, payload);
    if (publication === undefined || publication.topic !== topic) {
      return this.#violation("protocol", `a payload that nobody sent to ${topic}`);
    }
    if (qos > publication.qos) {
      this.#violation("protocol", `#${publication.id} with QoS ${qos}`);
    }
    const known = this.#received.has(packetId);
    if (qos > 0) {
      if (call.unacknowledged.has(packetId)) {
        return this.#violation("packetIds", `Packet Identifier ${packetId} is in use`);
      }
      if (known && !dup) {
        return this.#violation("packetIds", `${packetId} awaits PUBREL, and is used without DUP`);
      }
      call.unacknowledged.add(packetId);
      if (call.unacknowledged.size > this.character.receiveMaximum) {
        this.#violation("receiveMaximum", `${call.unacknowledged.size} are unacknowledged`);
      }
    }
    if (qos < 2 || !known) {
      ledger.receiptsOf(this.id).push({
        publication,
        at: ledger.now(),
        qos,
        retain,
        dup,
        packetId,
        connection: call.record.serial,
        session: this.#session,
      });
    }
    if (qos === 0) return;
    if (qos === 2) this.#received.add(packetId);
    this.#answer(call, () => {
      if (qos === 1) call.unacknowledged.delete(packetId);
      const type = qos === 1 ? "puback" : "pubrec";
      call.link!.send({ type, packetId, reasonCode: 0, properties: undefined });
    });
  }

  #onPubrel(call: Call, packetId: number, reasonCode: number): void {
    if (reasonCode !== 0) this.#violation("protocol", `PUBREL ${packetId} 0x${reasonCode}`);
    this.#received.delete(packetId);
    this.#answer(call, () => {
      call.unacknowledged.delete(packetId);
      call.link!.send({ type: "pubcomp", packetId, reasonCode: 0, properties: undefined });
    });
  }

  #onReceipt(
    call: Call,
    type: "puback" | "pubrec",
    packetId: number,
    reasonCode: number,
  ): void {
    const { ledger } = this.#in;
    const out = this.#outbound.get(packetId);
    if (out === undefined || out.awaiting !== type) {
      return this.#violation(
        "protocol",
        `${type} ${packetId} where ${out?.awaiting ?? "nothing"} was due`,
      );
    }
    const { publication } = out;
    if (reasonCode >= 0x80) {
      ledger.count(`${type.toUpperCase()} 0x${reasonCode.toString(16)}`);
      publication.refused = true;
    } else publication.acknowledgedAt = Math.min(publication.acknowledgedAt, ledger.now());
    if (type === "puback" || reasonCode >= 0x80) {
      this.#outbound.delete(packetId);
      call.quota += 1;
      return this.#supply(call);
    }
    // PUBREL packets are sent again in the order of the PUBREC packets [MQTT-4.6.0-4].
    this.#outbound.delete(packetId);
    this.#outbound.set(packetId, { publication, awaiting: "pubcomp" });
    call.link!.send({ type: "pubrel", packetId, reasonCode: 0, properties: undefined });
  }

  #onPubcomp(call: Call, packetId: number, reasonCode: number): void {
    const out = this.#outbound.get(packetId);
    if (out === undefined || out.awaiting !== "pubcomp") {
      return this.#violation(
        "protocol",
        `PUBCOMP ${packetId} where ${out?.awaiting ?? "nothing"} was due`,
      );
    }
    // 0x92 answers a PUBREL that is sent again when the first one was taken in.
    if (reasonCode !== 0 && reasonCode !== Reason.packetIdentifierNotFound) {
      this.#violation("protocol", `PUBCOMP ${packetId} 0x${reasonCode.toString(16)}`);
    }
    this.#outbound.delete(packetId);
    call.quota += 1;
    this.#supply(call);
  }

  // ---- helpers

  #supply(call: Call): void {
    while (call.quota > 0 && this.#backlog.length > 0) {
      const publication = this.#backlog.shift()!;
      const packetId = this.#freePacketId(call);
      const awaiting = publication.qos === 1 ? "puback" : "pubrec";
      call.quota -= 1;
      this.#outbound.set(packetId, { publication, awaiting });
      this.#sendPublish(call, publication, packetId, false);
    }
  }

  #sendPublish(call: Call, publication: Publication, packetId: number, dup: boolean): void {
    const now = this.#in.ledger.now();
    const { topic, qos, retain } = publication;
    publication.firstSentAt = Math.min(publication.firstSentAt, now);
    publication.sends.push({ at: now, connection: call.record.serial, packetId, dup });
    call.link!.send({
      type: "publish",
      topic,
      payload: payloadOf(publication),
      qos,
      retain,
      dup,
      packetId,
      properties: undefined,
    });
  }

  /** After a while now and then, behind earlier ones, and only on this connection [MQTT-4.6.0-2]. */
  #answer(call: Call, send: () => void): void {
    const { ledger, random } = this.#in;
    const now = ledger.now();
    if (call.ackAt <= now && !random.chance(0.05)) return send();
    call.ackAt = Math.max(call.ackAt, now + random.between(1, 150));
    setTimeout(() => {
      if (this.#call === call) send();
    }, call.ackAt - now);
  }

  #freePacketId(call: Call): number {
    do this.#nextPacketId = this.#nextPacketId % 200 + 1; // few, so that they are used again soon
     while (this.#outbound.has(this.#nextPacketId) || call.requests.has(this.#nextPacketId));
    return this.#nextPacketId;
  }

  #violation(kind: string, text: string): void {
    this.#in.ledger.violation(kind, `${this.id}: ${text}`, this.id);
  }
}
