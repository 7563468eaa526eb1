/**
 * A strict client: it speaks real bytes as 3.1.1 or 5.0, keeps its own half of the session across
 * connections, and reports whatever the broker does that the standard forbids. It never errs itself,
 * so it is never to be told that it did.
 */

import { decode } from "../../src/packet/decode.ts";
import { encode } from "../../src/packet/encode.ts";
import { FrameSplitter } from "../../src/packet/frame_splitter.ts";
import type { Connack, Packet, Publish, QoS, Suback } from "../../src/packet/packet.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { StoredSession } from "../../src/session/write.ts";
import type { DumpedSession, MemoryStore } from "../../src/store/memory_store.ts";
import type { VirtualTime } from "./clock.ts";
import type { Checker, Ledger, Publication, SubscriptionRecord, WillRecord } from "./ledger.ts";
import { payloadOf, publicationOf } from "./ledger.ts";
import type { Ear, Wire } from "./network.ts";
import type { Random } from "./random.ts";

/** What a client is like as long as it lives. */
export interface Profile {
  readonly version: 4 | 5;
  /** Seconds; for 3.1.1 not 0 stands for Clean Session 0. */
  readonly sessionExpiry: number;
  readonly receiveMaximum: number;
  /** Seconds. */
  readonly keepAlive: number;
  /** Milliseconds before an acknowledgement at most. */
  readonly ackDelay: number;
  /** Topic Aliases that it takes. */
  readonly aliases: number;
  /** Sets Topic Aliases itself. */
  readonly usesAliases: boolean;
  /** Bytes; Infinity: says nothing. */
  readonly maximumPacketSize: number;
}

/** What the client needs of the world. */
export interface Habitat {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly ledger: Ledger;
  /** Opens a link; undefined while the broker is down. */
  readonly dial: (ear: Ear, will: WillRecord | undefined, client: Client) => Wire | undefined;
  readonly violation: (checker: Checker, text: string) => void;
  /** What the broker takes at once of a client that it tells nothing. */
  readonly receiveMaximum: number;
  /** Timed resends to 3.1.1 clients are on. */
  readonly retries: boolean;
  readonly disk: MemoryStore;
  /** The broker knew of a full disk at that instant or later. */
  readonly fullSince: (instant: number) => boolean;
  /** Seconds that clocks of several brokers are apart at most; absent: there is one. */
  readonly skew?: number | undefined;
  /** The broker has answered for a message: all that it owes is on the disk, or it is told. */
  readonly owed: (publication: Publication) => void;
}

interface Outbound {
  readonly publication: Publication;
  awaiting: "puback" | "pubrec" | "pubcomp";
  /** Order in which it is sent again. */
  sequence: number;
}

/** A SUBSCRIBE or an UNSUBSCRIBE; `serial` counts both. */
interface Request {
  readonly serial: number;
  readonly items: readonly SubscriptionRecord[] | readonly string[];
}

/** What may be owed on this connection. */
interface Call {
  readonly wire: Wire;
  readonly dialledAt: number;
  readonly splitter: FrameSplitter;
  readonly will: WillRecord | undefined;
  readonly cleanStart: boolean;
  sessionPresent: boolean;
  connected: boolean;
  /** Packet Identifiers of PUBLISH that came here and are not answered to the end. */
  readonly unacknowledged: Set<number>;
  /** Packet Identifiers of PUBLISH sent here, in order: receipts come in this order. */
  readonly pubacks: number[];
  readonly pubrecs: number[];
  quota: number;
  readonly requests: Map<number, Request>;
  readonly aliasesIn: Map<number, string>;
  readonly aliasesOut: Map<string, number>;
  aliasesOutMaximum: number;
  pings: number;
  /** When the next acknowledgement may leave: they leave in order. */
  ackAt: number;
  told: boolean;
}

export class Client {
  readonly id: string;
  readonly profile: Profile;
  readonly #in: Habitat;
  /** Own half of the session. */
  readonly outbound = new Map<number, Outbound>();
  readonly #received = new Set<number>();
  backlog: Publication[] = [];
  /** Counts its sessions: grows when one is known to have ended. */
  session = 0;
  /** The next CONNECT has to ask for a new session, as the client has forgotten its half. */
  #forgotten = false;
  /** The last CONNACK said that there is a session to come back to. */
  #resumable = false;
  #everConnected = false;
  /** Once it has had a session that ended with its connection: Clean Session 1 in 3.1.1. */
  #wasBrief = false;
  /** The link by which a session has begun, as long as the client has not heard of it. */
  #unheard: Wire | undefined;
  #nextPacketId = 1;
  #sequence = 0;
  /** Counts SUBSCRIBE and UNSUBSCRIBE. */
  #serial = 0;
  /** By filter, the last request about it. */
  readonly #asked = new Map<string, number>();
  #call: Call | undefined;
  /** Earliest instant at which the broker may let the session end; Infinity while connected. */
  expiresNotBefore = Infinity;
  /** An administrator has deleted its session: what is on its way to it still speaks of that. */
  deleted = false;
  received = 0;

  constructor(id: string, profile: Profile, habitat: Habitat) {
    this.id = id;
    this.profile = profile;
    this.#in = habitat;
  }

  get online(): boolean {
    return this.#call !== undefined;
  }

  get connected(): boolean {
    return this.#call?.connected === true;
  }

  /** It never has a session that ends with its connection. */
  get lasting(): boolean {
    return this.profile.sessionExpiry > 0 && !this.#wasBrief;
  }

  /** The broker is to keep its session when it goes. */
  get resumable(): boolean {
    return this.#resumable;
  }

  get wire(): Wire | undefined {
    return this.#call?.wire;
  }

  get sessionPresent(): boolean {
    return this.#call?.sessionPresent === true;
  }

  /** Nothing is owed by or to this client, as far as it knows. */
  get settled(): boolean {
    const call = this.#call;
    return this.outbound.size === 0 && this.backlog.length === 0 && this.#received.size === 0 &&
      call !== undefined && call.connected && call.unacknowledged.size === 0 &&
      call.requests.size === 0;
  }

  describe(): string {
    const call = this.#call;
    return `${this.id}: outbound ${[...this.outbound].map(([id, o]) => `${id} ${o.awaiting}`)}` +
      `, backlog ${this.backlog.length}, received ${[...this.#received]}, connected ` +
      `${call?.connected}, unacknowledged ${[...call?.unacknowledged ?? []]}, requests ` +
      `${[...call?.requests.keys() ?? []]}, quota ${call?.quota}`;
  }

  // ---- what it is told to do

  /** Opens a link and sends CONNECT; a link that is open is left alone: this is a takeover. */
  connect(clean: boolean, will: WillRecord | undefined): void {
    const { version, sessionExpiry, receiveMaximum, keepAlive, aliases } = this.profile;
    const cleanStart = clean || this.#forgotten || this.#unheard !== undefined ||
      (version === 4 && sessionExpiry === 0);
    this.#abandonCall();
    if (cleanStart) this.#forget();
    const splitter = new FrameSplitter(1 << 20);
    const wire = this.#in.dial(
      {
        onBytes: (bytes) => {
          const heard = this.#call;
          if (heard !== undefined && heard.wire === wire) this.#hear(heard, bytes);
        },
        onClosed: () => {
          if (this.#call?.wire === wire) this.#lost();
        },
      },
      will,
      this,
    );
    if (cleanStart) this.#forgotten = true;
    if (wire === undefined) return;
    const call: Call = {
      wire,
      dialledAt: this.#in.time.now,
      splitter,
      will,
      cleanStart,
      sessionPresent: false,
      connected: false,
      unacknowledged: new Set(),
      pubacks: [],
      pubrecs: [],
      quota: 0,
      requests: new Map(),
      aliasesIn: new Map(),
      aliasesOut: new Map(),
      aliasesOutMaximum: 0,
      pings: 0,
      ackAt: 0,
      told: false,
    };
    this.#call = call;
    this.#send(call, {
      type: "connect",
      protocolVersion: version,
      clientId: this.id,
      cleanStart,
      keepAlive,
      username: undefined,
      password: undefined,
      will: will === undefined ? undefined : {
        topic: will.publication.topic,
        payload: payloadOf(will.publication),
        qos: will.publication.qos,
        retain: will.publication.retain,
        willDelayInterval: version === 5 ? will.delay : 0,
        properties: undefined,
      },
      properties: version === 4 ? undefined : {
        sessionExpiryInterval: sessionExpiry,
        receiveMaximum,
        topicAliasMaximum: aliases,
        ...(this.profile.maximumPacketSize === Infinity
          ? {}
          : { maximumPacketSize: this.profile.maximumPacketSize }),
      },
    });
    if (will !== undefined) will.publication.firstSentAt = this.#in.time.now;
    if (keepAlive > 0) this.#ping(call);
  }

  /** DISCONNECT, then the end of the link. */
  disconnect(reasonCode: number): void {
    const call = this.#call;
    if (call === undefined) return;
    if (call.connected) {
      this.#send(call, { type: "disconnect", reasonCode, properties: undefined });
    }
    this.#call = undefined;
    call.wire.finish();
    this.#ended(call);
  }

  /** Goes without a word: the broker sees a reset, or nothing at all. */
  drop(how: "reset" | "finish"): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    if (how === "reset") call.wire.reset();
    else call.wire.finish();
    this.#ended(call);
  }

  /**
   * The broker has begun a session by this link. Where its CONNACK is lost, the next one says Session
   * Present and means a session that the client's half does not belong to. MQTT has no word for that;
   * a client that counts the seconds of its own session asks for a Clean Start, and so does this one.
   */
  sessionBegun(wire: Wire): void {
    if (this.#everConnected) this.#unheard = wire;
  }

  publish(publication: Publication): void {
    const call = this.#call;
    if (publication.qos === 0) {
      if (call === undefined || !call.connected) return;
      publication.firstSentAt = this.#in.time.now;
      publication.sent += 1;
      this.#sendPublish(call, publication, 0, false);
    } else if (this.backlog.length < 50) {
      this.backlog.push(publication);
      if (call?.connected) this.#supply(call);
    }
  }

  subscribe(wanted: readonly Omit<SubscriptionRecord, "session" | "serial" | "sentAt">[]): void {
    const call = this.#call;
    if (call === undefined || !call.connected) return;
    const now = this.#in.time.now;
    const records = this.#in.ledger.subscriptionsOf(this.id);
    this.#serial += 1;
    const fresh = wanted.map((each): SubscriptionRecord => ({
      ...each,
      session: this.session,
      serial: this.#serial,
      sentAt: now,
    }));
    for (const { full } of fresh) {
      for (const record of records) if (record.full === full) sooner(record, "endSentAt", now);
    }
    records.push(...fresh);
    const packetId = this.#freePacketId(call);
    call.requests.set(packetId, this.#request(fresh));
    this.#send(call, {
      type: "subscribe",
      packetId,
      subscriptions: fresh.map(({ full, options }) => ({ filter: full, options })),
      userProperties: undefined,
    });
  }

  unsubscribe(filters: readonly string[]): void {
    const call = this.#call;
    if (call === undefined || !call.connected) return;
    for (const record of this.#in.ledger.subscriptionsOf(this.id)) {
      if (filters.includes(record.full)) sooner(record, "endSentAt", this.#in.time.now);
    }
    this.#serial += 1;
    const packetId = this.#freePacketId(call);
    call.requests.set(packetId, this.#request(filters));
    this.#send(call, { type: "unsubscribe", packetId, filters, userProperties: undefined });
  }

  // ---- what the link brings

  #lost(): void {
    const call = this.#call!;
    if (!call.told && this.profile.version === 5 && call.connected) {
      // A broker that closes by itself says why; one that crashed cannot.
      this.#in.ledger.faults += 1;
    }
    this.#call = undefined;
    this.#ended(call);
  }

  #hear(call: Call, bytes: Uint8Array): void {
    const { splitter } = call;
    splitter.push(bytes);
    for (;;) {
      if (this.#call !== call) return;
      let packet: Packet;
      let size: number;
      try {
        const frame = splitter.next();
        if (frame === undefined) return;
        size = frame.length;
        packet = decode(frame.slice(), this.profile.version);
      } catch (error) {
        return this.#violation("protocol", `unreadable: ${String(error)}`);
      }
      if (call.told) this.#violation("afterClose", `${packet.type} after DISCONNECT`);
      if (size > this.profile.maximumPacketSize) {
        this.#violation(
          "packetSize",
          `a ${packet.type} of ${size} bytes, Maximum Packet Size is smaller`,
        );
      }
      this.#take(call, packet);
    }
  }

  #take(call: Call, packet: Packet): void {
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
        return this.#onReceipt(call, packet);
      case "pubrel":
        return this.#onPubrel(call, packet.packetId, packet.reasonCode);
      case "pubcomp": {
        const out = this.outbound.get(packet.packetId);
        if (out === undefined) {
          if (!this.#in.retries) {
            this.#violation("protocol", `PUBCOMP ${packet.packetId} for nothing`);
          }
          return;
        }
        if (out.awaiting !== "pubcomp") {
          return this.#violation(
            "protocol",
            `PUBCOMP ${packet.packetId} where ${out.awaiting} was due`,
          );
        }
        if (this.#kept(call) && this.#stored().received.includes(packet.packetId)) {
          this.#violation("durable", `PUBCOMP ${packet.packetId}, which is still kept`);
        }
        this.outbound.delete(packet.packetId);
        call.quota += 1;
        return this.#supply(call);
      }
      case "suback":
      case "unsuback":
        return this.#onSuback(call, packet as Suback);
      case "pingresp":
        call.pings -= 1;
        if (call.pings < 0) this.#violation("protocol", "PINGRESP for no PINGREQ");
        return;
      case "disconnect":
        call.told = true;
        if (this.profile.version !== 5) {
          return this.#violation("protocol", "DISCONNECT to a 3.1.1 client");
        }
        if (!MAY_BE_TOLD.has(packet.reasonCode)) {
          this.#violation(
            "protocol",
            `DISCONNECT 0x${packet.reasonCode.toString(16)} ${packet.properties?.reasonString}`,
          );
        }
        return;
      default:
        this.#violation("protocol", `a ${packet.type} from a server`);
    }
  }

  #onConnack(call: Call, packet: Connack): void {
    if (call.connected) return this.#violation("protocol", "a second CONNACK");
    if (this.#in.fullSince(call.dialledAt) && MAY_BE_TURNED_AWAY.has(packet.reasonCode)) {
      return this.drop("finish"); // and comes back later
    }
    if (packet.reasonCode !== 0) {
      return this.#violation("protocol", `CONNACK 0x${packet.reasonCode}`);
    }
    if (packet.sessionPresent && call.cleanStart) {
      this.#violation("protocol", "Session Present at Clean Start");
    }
    const now = this.#in.time.now;
    if (!packet.sessionPresent && this.#resumable && !call.cleanStart) {
      if (now < this.expiresNotBefore) this.#violation("protocol", "the session was forgotten");
    }
    if (!packet.sessionPresent && !call.cleanStart) this.#forget();
    if (!packet.sessionPresent) {
      for (const record of this.#in.ledger.subscriptionsOf(this.id)) {
        sooner(record, "endConfirmedAt", now);
      }
    }
    if (packet.sessionPresent && this.#unheard !== undefined) return this.drop("finish");
    if (this.#unheard === call.wire) this.#unheard = undefined;
    this.#forgotten = false;
    // Clean Session 1 in 3.1.1 is a session that ends with its connection, too.
    this.#resumable = this.profile.sessionExpiry > 0 &&
      !(this.profile.version === 4 && call.cleanStart);
    this.#everConnected = true;
    if (!this.#resumable) this.#wasBrief = true;
    if (this.#kept(call) && this.#dumped() === undefined) {
      this.#violation("durable", "CONNACK, and its session is not kept");
    }
    // Read too late, from a node that is dead by now, or of a session that is deleted by now, it does not count.
    if (this.#counts(call)) this.expiresNotBefore = Infinity;
    if (call.will !== undefined) call.will.confirmed = true;
    call.connected = true;
    call.sessionPresent = packet.sessionPresent;
    call.quota = Math.min(
      packet.properties?.receiveMaximum ?? 65_535,
      this.#in.receiveMaximum,
      20, // fewer than its Packet Identifiers
    );
    call.aliasesOutMaximum = packet.properties?.topicAliasMaximum ?? 0;
    const again = [...this.outbound].sort(([, a], [, b]) => a.sequence - b.sequence);
    for (const [packetId, out] of again) { // [MQTT-4.4.0-1]
      if (out.awaiting === "pubcomp") {
        this.#send(call, { type: "pubrel", packetId, reasonCode: 0, properties: undefined });
      } else {
        if (out.publication.qos === 1) out.publication.sent += 1;
        this.#sendPublish(call, out.publication, packetId, true);
      }
      call.quota -= 1;
    }
    this.#supply(call);
  }

  #onPublish(call: Call, packet: Publish): void {
    const { packetId, qos, dup } = packet;
    const topic = this.#resolve(call, packet);
    const publication = packet.payload.length === 0
      ? this.#clearing(topic)
      : publicationOf(this.#in.ledger, packet.payload);
    if (publication === undefined) {
      return this.#violation("protocol", `a payload nobody sent, on ${topic}`);
    }
    if (publication.topic !== topic) {
      return this.#violation(
        "protocol",
        `#${publication.id} on ${topic}, was for ${publication.topic}`,
      );
    }
    if (qos === 0) return this.#receive(publication, packet);
    if (dup && !call.sessionPresent && !(this.#in.retries && this.profile.version === 4)) {
      this.#violation("protocol", `DUP in a session that has just begun: PUBLISH ${packetId}`);
    }
    const here = call.unacknowledged.has(packetId);
    const known = this.#received.has(packetId);
    if (here && !(dup && this.#in.retries && this.profile.version === 4)) {
      return this.#violation("packetIds", `Packet Identifier ${packetId} is in use`);
    }
    if (known && !dup) {
      return this.#violation(
        "packetIds",
        `Packet Identifier ${packetId} awaits PUBREL, used without DUP`,
      );
    }
    if (here) return; // sent again because the client took its time: that answer is on its way
    call.unacknowledged.add(packetId);
    if (call.unacknowledged.size > this.profile.receiveMaximum) {
      this.#violation(
        "receiveMaximum",
        `more than its Receive Maximum: ${call.unacknowledged.size}`,
      );
    }
    if (qos === 1 || !known) this.#receive(publication, packet);
    if (qos === 2) this.#received.add(packetId);
    this.#answer(call, () => {
      if (qos === 1) call.unacknowledged.delete(packetId);
      this.#send(call, {
        type: qos === 1 ? "puback" : "pubrec",
        packetId,
        reasonCode: 0,
        properties: undefined,
      });
    });
  }

  #onReceipt(call: Call, packet: Packet & { type: "puback" | "pubrec" }): void {
    const { type, packetId, reasonCode } = packet;
    const out = this.outbound.get(packetId);
    if (out === undefined || out.awaiting !== type) {
      if (this.#in.retries && type === "pubrec") return;
      return this.#violation(
        "protocol",
        `${type} ${packetId} where ${out?.awaiting ?? "nothing"} was due`,
      );
    }
    const order = type === "puback" ? call.pubacks : call.pubrecs;
    const first = order.shift();
    if (first !== packetId) this.#violation("order", `${type} ${packetId} before that of ${first}`);
    const { publication } = out;
    publication.settledAt = this.#in.time.now;
    if (reasonCode >= 0x80) {
      if (reasonCode !== Reason.quotaExceeded) {
        this.#violation("protocol", `${type} 0x${reasonCode}`);
      }
      publication.refused = true;
      this.#in.ledger.refusals += 1;
    } else {
      publication.acknowledgedAt = Math.min(publication.acknowledgedAt, this.#in.time.now);
      if (type === "pubrec" && this.#kept(call) && !this.#stored().received.includes(packetId)) {
        this.#violation("durable", `PUBREC ${packetId}, and its Packet Identifier is not kept`);
      }
      this.#in.owed(publication);
    }
    if (type === "puback" || reasonCode >= 0x80) {
      this.outbound.delete(packetId);
      call.quota += 1;
      return this.#supply(call);
    }
    out.awaiting = "pubcomp";
    out.sequence = ++this.#sequence;
    this.#send(call, { type: "pubrel", packetId, reasonCode: 0, properties: undefined });
  }

  #onPubrel(call: Call, packetId: number, reasonCode: number): void {
    if (reasonCode !== 0) {
      return this.#violation("protocol", `PUBREL ${packetId} 0x${reasonCode.toString(16)}`);
    }
    this.#received.delete(packetId);
    this.#answer(call, () => {
      call.unacknowledged.delete(packetId);
      this.#send(call, { type: "pubcomp", packetId, reasonCode: 0, properties: undefined });
    });
  }

  #onSuback(call: Call, packet: Suback): void {
    const asked = call.requests.get(packet.packetId);
    if (asked === undefined) {
      return this.#violation("protocol", `${packet.type} ${packet.packetId}: no such`);
    }
    call.requests.delete(packet.packetId);
    const { serial, items } = asked;
    const now = this.#in.time.now;
    if ((typeof items[0] === "string") !== ((packet.type as string) === "unsuback")) {
      return this.#violation("protocol", `${packet.type} for the other request`);
    }
    const codes = packet.reasonCodes;
    if (packet.type === "suback" || this.profile.version === 5) {
      if (codes.length !== items.length) {
        this.#violation(
          "protocol",
          `${packet.type} with ${codes.length} codes for ${items.length} filters`,
        );
      }
    }
    const records = this.#in.ledger.subscriptionsOf(this.id);
    for (const [at, each] of items.entries()) {
      const full = typeof each === "string" ? each : each.full;
      const since = typeof each === "string" ? undefined : each;
      for (const record of records) {
        if (record.full === full && record.serial < serial) sooner(record, "endConfirmedAt", now);
      }
      if (this.#kept(call) && this.#asked.get(full) === serial) { // nothing else was asked since
        const kept = this.#dumped()?.subscriptions.find((each) =>
          each.full === full && each.origin === undefined
        );
        if (kept?.options.qos !== since?.options.qos) {
          this.#violation(
            "durable",
            `${packet.type} for ${full}, and kept is ${kept?.options.qos}`,
          );
        }
      }
      if (since === undefined) continue;
      since.confirmedAt = now;
      if (codes[at] !== since.options.qos) {
        this.#violation("protocol", `SUBACK ${codes[at]} for ${full}`);
      }
    }
  }

  // ---- helpers

  /** What the broker says of the session has to be on the disk: it is read in time, and it is kept. */
  #kept(call: Call): boolean {
    return this.#resumable && this.#counts(call);
  }

  #counts({ wire }: Call): boolean {
    return !wire.closed && !wire.left && !wire.orphan && !this.deleted;
  }

  #stored(): StoredSession {
    return this.#in.disk.load(this.id, 0);
  }

  #dumped(): DumpedSession | undefined {
    return this.#in.disk.dump().sessions.find(({ clientId }) => clientId === this.id);
  }

  /** A new request about these. */
  #request(items: Request["items"]): Request {
    for (const each of items) {
      this.#asked.set(typeof each === "string" ? each : each.full, this.#serial);
    }
    return { serial: this.#serial, items };
  }

  #supply(call: Call): void {
    while (call.quota > 0 && this.backlog.length > 0 && this.#call === call) {
      const publication = this.backlog.shift()!;
      const packetId = this.#freePacketId(call);
      publication.firstSentAt = this.#in.time.now;
      publication.sent += 1;
      call.quota -= 1;
      this.outbound.set(packetId, {
        publication,
        awaiting: publication.qos === 1 ? "puback" : "pubrec",
        sequence: ++this.#sequence,
      });
      this.#sendPublish(call, publication, packetId, false);
    }
  }

  #sendPublish(call: Call, publication: Publication, packetId: number, dup: boolean): void {
    const { qos, retain, delay, expiry } = publication;
    this.#in.ledger.sending(publication);
    if (qos === 1) call.pubacks.push(packetId);
    if (qos === 2) call.pubrecs.push(packetId);
    let topic = delay === 0 ? publication.topic : `$delayed/${delay}/${publication.topic}`;
    let topicAlias = 0;
    if (this.profile.usesAliases && call.aliasesOutMaximum > 0) {
      const known = call.aliasesOut.get(topic);
      topicAlias = known ?? call.aliasesOut.size + 1;
      if (topicAlias > call.aliasesOutMaximum) topicAlias = 0;
      else call.aliasesOut.set(topic, topicAlias);
      if (known !== undefined) topic = "";
    }
    this.#send(call, {
      type: "publish",
      topic,
      payload: payloadOf(publication),
      qos: qos as QoS,
      retain,
      dup,
      packetId,
      properties: this.profile.version === 4 ? undefined : {
        ...(expiry === Infinity ? {} : { messageExpiryInterval: expiry }),
        ...(topicAlias === 0 ? {} : { topicAlias }),
      },
    });
  }

  #resolve(call: Call, { topic, properties }: Publish): string {
    const alias = properties?.topicAlias;
    if (alias === undefined) return topic;
    if (alias < 1 || alias > this.profile.aliases) {
      this.#violation("protocol", `Topic Alias ${alias}`);
    }
    if (topic !== "") call.aliasesIn.set(alias, topic);
    return call.aliasesIn.get(alias) ?? `(unknown Topic Alias ${alias})`;
  }

  /** An empty payload says not whose it is: any that clears this topic will do. */
  #clearing(topic: string): Publication | undefined {
    return this.#in.ledger.publications.find((each) => each.clears && each.topic === topic);
  }

  #receive(publication: Publication, packet: Publish): void {
    const { time, ledger } = this.#in;
    if (publication.clears) return;
    const left = packet.properties?.messageExpiryInterval;
    if (left !== undefined && left > publication.expiry + (this.#in.skew ?? 0)) {
      this.#violation(
        "protocol",
        `#${publication.id}: Message Expiry Interval has grown to ${left}`,
      );
    }
    if (packet.qos > publication.qos) {
      this.#violation(
        "protocol",
        `#${publication.id} with QoS ${packet.qos}, published ${publication.qos}`,
      );
    }
    this.received += 1;
    ledger.receiptsOf(this.id).push({
      publication,
      at: time.now,
      qos: packet.qos,
      retain: packet.retain,
      dup: packet.dup,
      session: this.session,
    });
  }

  /** After a random time, behind earlier ones, and only on this connection [MQTT-4.6.0-2]. */
  #answer(call: Call, send: () => void): void {
    const { time, random } = this.#in;
    const delay = random.chance(0.3) ? 0 : random.between(0, this.profile.ackDelay);
    call.ackAt = Math.max(call.ackAt, time.now + delay);
    time.after(call.ackAt - time.now, () => {
      if (this.#call === call) send();
    });
  }

  #ping(call: Call): void {
    this.#in.time.after(this.profile.keepAlive * 500, () => {
      if (this.#call !== call) return;
      if (call.connected && !call.told) {
        call.pings += 1;
        this.#send(call, { type: "pingreq" });
      }
      this.#ping(call);
    });
  }

  #send(call: Call, packet: Packet): void {
    if (this.#call !== call) return;
    call.wire.send(encode(packet, this.profile.version));
  }

  #freePacketId(call: Call): number {
    do {
      this.#nextPacketId = this.#nextPacketId % 40 + 1; // few, so that they are used again soon
    } while (this.outbound.has(this.#nextPacketId) || call.requests.has(this.#nextPacketId));
    return this.#nextPacketId;
  }

  /** A second link: what the first one brings is not heard any more. */
  #abandonCall(): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    this.#ended(call);
  }

  #ended(call: Call): void {
    // What the link still brings to the broker is processed within the longest delay, or never.
    const now = this.#in.time.now;
    for (const publication of this.#in.ledger.publications) {
      if (publication.publisher === this.id && publication.qos === 0 && !publication.will) {
        if (publication.settledAt === Infinity) publication.settledAt = now + 60_000;
      }
    }
    call.requests.clear();
    if (call.connected && !this.#resumable) this.#forget(); // it ends with its connection
  }

  /** Its half of the session is gone; what was not acknowledged is given up. */
  #forget(): void {
    const now = this.#in.time.now;
    for (const { publication } of this.outbound.values()) {
      publication.settledAt = Math.min(publication.settledAt, now + 60_000);
    }
    this.outbound.clear();
    this.#received.clear();
    if (this.#everConnected) this.session += 1;
  }

  #violation(checker: Checker, text: string): void {
    this.#in.violation(checker, `${this.id} (${this.profile.version}): ${text}`);
  }
}

/** Reason Codes for which a client that never errs may be sent away. */
const MAY_BE_TOLD: ReadonlySet<number> = new Set([
  Reason.sessionTakenOver,
  Reason.administrativeAction,
  Reason.keepAliveTimeout,
  Reason.quotaExceeded, // its outbox stayed full
  Reason.serverShuttingDown,
]);

/** Reason Codes for which a client is not let in while the disk is full. */
const MAY_BE_TURNED_AWAY: ReadonlySet<number> = new Set([Reason.serverUnavailable]);

function sooner(
  record: SubscriptionRecord,
  field: "endSentAt" | "endConfirmedAt",
  now: number,
): void {
  record[field] = Math.min(record[field], now);
}
