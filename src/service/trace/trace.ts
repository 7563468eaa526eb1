/**
 * A trace that runs: makes lines of the events that go into the broker and the effects that come out, as far as
 * they are about what it follows. A mutable island; time is an argument.
 *
 * What is above its rate is counted before a line is made of it. It changes nothing of the tables.
 */

import type { Event } from "../../broker/event.ts";
import type { Client, Live, Tables } from "../../broker/tables.ts";
import type { Packet, ProtocolVersion, Publish } from "../../packet/packet.ts";
import type { Acknowledgement } from "../../packet/acknowledgement.ts";
import { bodyAt } from "../../packet/fixed_header.ts";
import { decodePublish } from "../../packet/publish_frame.ts";
import { publishesOf } from "../../packet/publish_run.ts";
import { topicNameAt } from "../../packet/topic_cache.ts";
import type { ClientId, ConnectionId, Instant } from "../../policy/identity.ts";
import type { Effect } from "../../session/effect.ts";
import type { Fact } from "../../session/fact.ts";
import * as ids from "../../session/packet_id_map.ts";
import { queueLength } from "../../session/queue.ts";
import { mountName } from "../../topic/mount_point.ts";
import { lineOf } from "../journal.ts";
import type { Follower } from "./followed.ts";
import { followerOf } from "./followed.ts";
import type { Fields } from "./packet_fields.ts";
import { packetFields } from "./packet_fields.ts";
import type { TraceEnd, TraceStart } from "./trace_start.ts";

/** Characters of a text in a line. */
const LONGEST = 1_024;

/** Whether the message is one of a trace, on its way to who asked for it: no trace tells of those. */
export type IsOwn = (connection: ConnectionId, topic: string) => boolean;

export class Trace {
  readonly start: TraceStart;
  readonly begun: Instant;
  events = 0;
  omitted = 0;
  ended: TraceEnd | undefined;
  readonly #perSecond: () => number;
  readonly #isOwn: IsOwn;
  readonly #follower: Follower;
  /** Connections that are followed, with their client identifiers as far as they are known. */
  readonly #here = new Map<ConnectionId, ClientId>();
  /** Connections that have ended, until all that this led to has been told. */
  readonly #gone: ConnectionId[] = [];
  /** What was told last of a client. */
  readonly #states = new Map<ClientId, string>();
  #lines: string[] = [];
  /** Of those, how many were omitted in front of them and were not told yet. */
  #untold = 0;
  #second = -1;
  #inSecond = 0;
  #now: Instant;

  constructor(
    start: TraceStart,
    tables: Readonly<Tables>,
    now: Instant,
    perSecond: () => number,
    isOwn: IsOwn,
  ) {
    this.start = start;
    this.begun = this.#now = now;
    this.#perSecond = perSecond;
    this.#isOwn = isOwn;
    this.#follower = followerOf(start.followed);
    if (!this.#follower.connections) return;
    for (const { id, connection: { clientId, peer } } of tables.connections.values()) {
      if (clientId !== "" && this.#follower.isClient(clientId)) this.#here.set(id, clientId);
      else if (this.#follower.isAddress(peer.address)) this.#here.set(id, clientId);
    }
    this.#tellStates(tables);
  }

  /** An event, before the broker answers it. */
  before(event: Event, tables: Readonly<Tables>, now: Instant): void {
    this.#now = now;
    switch (event.type) {
      case "opened": {
        const { address, listener } = event.peer;
        if (!this.#follower.isAddress(address)) return;
        this.#here.set(event.connection, "");
        return this.#tell("link", event.connection, { change: "opened", address, listener });
      }
      case "packet":
        return this.#received(event.connection, event.packet, tables);
      case "acknowledged": {
        const { type, packetIds } = event.run;
        for (const packetId of packetIds) {
          this.#received(event.connection, plain(type, packetId), tables);
        }
        return;
      }
      case "retained": {
        const { connection, run } = event;
        const version = tables.connections.get(connection)?.connection.version ?? 4;
        for (const publish of publishesOf(run, version)) {
          this.#received(connection, publish, tables);
        }
        return;
      }
      case "run":
      case "numbered": {
        const { connection, run, first } = event;
        if (!this.#wantsFrom(connection, first, tables)) return;
        const version = tables.connections.get(connection)?.connection.version ?? 4;
        for (const publish of publishesOf(run, version)) {
          this.#received(connection, publish, tables);
        }
      }
    }
  }

  /** What it led to; of the tables what they are now. */
  after(effects: readonly Effect[], tables: Readonly<Tables>): void {
    for (let i = 0; i < effects.length; i++) this.#look(effects[i]!, tables);
    while (this.#gone.length > 0) this.#here.delete(this.#gone.pop()!);
    if (this.#follower.connections) this.#tellStates(tables);
  }

  /** The outbox of a connection did not take QoS 0 packets. */
  outboxDropped(connection: ConnectionId, frames: number): void {
    if (this.#here.has(connection)) {
      const fields = { reason: "outboxFull", count: frames };
      this.#tell("fact", connection, { fact: "dropped", ...fields });
    }
  }

  /** The lines that have gathered, and that some were omitted; they are told only once. */
  take(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    if (this.#untold > 0) {
      lines.push(JSON.stringify({ at: this.#now, type: "omitted", count: this.#untold }));
      this.#untold = 0;
    }
    return lines;
  }

  /** So many could not be told. */
  omit(count: number): void {
    this.omitted += count;
    this.#untold += count;
  }

  #look(effect: Effect, tables: Readonly<Tables>): void {
    switch (effect.type) {
      case "send":
        if (this.#wants(effect.to)) this.#sent(effect.to, effect.packet, tables);
        return;
      case "publishAll":
        if (!this.#wants(effect.to)) return;
        for (const packet of effect.packets) this.#sent(effect.to, packet, tables);
        return;
      case "deliver": {
        const { to, frame: { bytes } } = effect;
        if (!this.#mayBeAbout(bytes, to, tables)) return;
        return this.#delivered(to, () => [decodePublish(bytes, versionAt(to, tables))], tables);
      }
      case "deliverRun": {
        const { to, run } = effect;
        if (!this.#mayBeAbout(run.bytes, to, tables)) return;
        return this.#delivered(to, () => [...publishesOf(run, versionAt(to, tables))], tables);
      }
      case "deliverRetained": {
        if (!this.#wants(effect.to)) return;
        for (const publish of publishesOf(effect, versionAt([effect.to], tables))) {
          this.#sent(effect.to, publish, tables);
        }
        return;
      }
      case "deliverNumbered": {
        const { to, run, packetId } = effect;
        if (!this.#wants(to) || !this.#mayBeAbout(run.bytes, [to], tables)) return;
        let next = packetId;
        for (const publish of publishesOf(run, versionAt([to], tables))) {
          this.#sent(to, { ...publish, packetId: next++ }, tables);
        }
        return;
      }
      case "acknowledge":
        if (!this.#wants(effect.to)) return;
        for (const packetId of effect.packetIds) {
          this.#sent(effect.to, plain(effect.packet, packetId), tables);
        }
        return;
      case "deliverAs": {
        const { to, frame, packetId } = effect;
        if (!this.#wants(to) || !this.#mayBeAbout(frame.bytes, [to], tables)) return;
        if (this.#isFull()) return this.omit(1); // before the payload is copied
        const bytes = frame.bytes.slice(); // without a Packet Identifier it cannot be read
        bytes[frame.packetIdAt + 1] = 1;
        const publish = decodePublish(bytes, versionAt([to], tables));
        return this.#sent(to, { ...publish, packetId }, tables);
      }
      case "pause":
      case "resume":
        if (!this.#here.has(effect.connection)) return;
        return this.#tell("session", effect.connection, {
          change: effect.type === "pause" ? "not read for now" : "read again",
        });
      case "observe":
        return this.#fact(effect.fact, tables);
    }
  }

  /** Whether anything that is sent to that connection may be of interest. */
  #wants(connection: ConnectionId): boolean {
    return !this.#follower.connections || this.#here.has(connection);
  }

  #wantsFrom(connection: ConnectionId, publish: Publish, tables: Readonly<Tables>): boolean {
    if (this.#follower.connections) return this.#here.has(connection);
    return this.#follower.isTopic(topicFrom(tables.connections.get(connection), publish));
  }

  #received(connection: ConnectionId, packet: Packet, tables: Readonly<Tables>): void {
    if (packet.type === "connect" && this.#follower.isClient(packet.clientId)) {
      this.#here.set(connection, packet.clientId);
    }
    if (packet.type !== "publish") {
      if (!this.#here.has(connection)) return;
    } else if (!this.#wantsFrom(connection, packet, tables)) return;
    const live = tables.connections.get(connection);
    this.#packet(
      "in",
      connection,
      live,
      packet,
      () => packet.type === "publish" ? topicFrom(live, packet) : "",
    );
  }

  #sent(connection: ConnectionId, packet: Packet, tables: Readonly<Tables>): void {
    const live = tables.connections.get(connection);
    if (packet.type !== "publish") {
      if (this.#here.has(connection)) this.#packet("out", connection, live, packet, () => "");
      return;
    }
    const topic = topicTo(live, packet);
    if (this.#isOwn(connection, topic)) return;
    if (!this.#follower.connections && !this.#follower.isTopic(topic)) return;
    this.#packet("out", connection, live, packet, () => topic);
  }

  /** One frame, or a run of them, to many. */
  #delivered(
    to: readonly ConnectionId[],
    publishes: () => readonly Publish[],
    tables: Readonly<Tables>,
  ): void {
    let made: readonly Publish[] | undefined;
    for (let i = 0; i < to.length; i++) {
      if (!this.#wants(to[i]!)) continue;
      made ??= publishes();
      for (const publish of made) this.#sent(to[i]!, publish, tables);
      // Of a topic that many get nothing more is looked at than can be told.
      if (!this.#follower.connections && this.#isFull()) {
        return this.omit((to.length - 1 - i) * made.length);
      }
    }
  }

  /** Whether the PUBLISH is of a topic that is followed, where topics are: known without reading all of it. */
  #mayBeAbout(
    bytes: Uint8Array,
    to: readonly ConnectionId[],
    tables: Readonly<Tables>,
  ): boolean {
    if (this.#follower.connections) return true;
    const at = bodyAt(bytes) + 2;
    const topic = topicNameAt(bytes, at, at + (bytes[at - 2]! << 8 | bytes[at - 1]!));
    const live = tables.connections.get(to[0]!); // who has a mount point gets bytes of its own
    return topic === "" || this.#follower.isTopic((live?.connection.mountPoint ?? "") + topic);
  }

  #packet(
    direction: "in" | "out",
    connection: ConnectionId,
    live: Live | undefined,
    packet: Packet,
    topic: () => string,
  ): void {
    if (!this.#hasRoom()) return;
    const clientId = this.#here.get(connection) || live?.connection.clientId;
    const version = packet.type === "connect"
      ? packet.protocolVersion
      : live?.connection.version ?? 4;
    const fields = packetFields(packet, version, topic(), this.start.payload);
    this.#add("packet", { direction, connection, clientId, ...fields });
  }

  #fact(fact: Fact, tables: Readonly<Tables>): void {
    if (fact.type === "connected" && this.#follower.isClient(fact.clientId)) {
      this.#here.set(fact.connection, fact.clientId);
    }
    if (this.#isAbout(fact, tables) && this.#hasRoom()) {
      const { message, fields } = lineOf(fact);
      const connection = "connection" in fact ? fact.connection : undefined;
      this.#add("fact", { connection, fact: fact.type, message, ...fields });
    }
    if (fact.type === "connected" && this.#here.has(fact.connection)) {
      this.#here.set(fact.connection, fact.clientId);
    } else if (fact.type === "disconnected") {
      if (this.#here.has(fact.connection)) this.#gone.push(fact.connection);
      if (fact.connection === this.start.sender.connection) this.ended = "askerGone";
    }
  }

  #isAbout(fact: Fact, tables: Readonly<Tables>): boolean {
    if (!("clientId" in fact)) return false;
    if (fact.type === "dropped") {
      const to = tables.clients.get(fact.clientId)?.live?.id;
      if (to !== undefined && this.#isOwn(to, fact.topic)) return false;
    }
    if (!this.#follower.connections) {
      return (fact.type === "dropped" || fact.type === "refused") &&
        this.#follower.isTopic(fact.topic);
    }
    if ("connection" in fact) return this.#here.has(fact.connection);
    if (this.#follower.isClient(fact.clientId)) return true;
    for (const clientId of this.#here.values()) {
      if (clientId !== "" && clientId === fact.clientId) return true;
    }
    return "peer" in fact && this.#follower.isAddress(fact.peer.address);
  }

  /** What has changed of the sessions that are followed. */
  #tellStates(tables: Readonly<Tables>): void {
    const { followed } = this.start;
    if ("clientId" in followed) return this.#tellState(followed.clientId, tables);
    for (const clientId of this.#here.values()) {
      if (clientId !== "") this.#tellState(clientId, tables);
    }
    if (this.#states.size <= this.#here.size) return;
    for (const clientId of [...this.#states.keys()]) this.#tellState(clientId, tables, true);
  }

  #tellState(clientId: ClientId, tables: Readonly<Tables>, forget = false): void {
    const row = tables.clients.get(clientId);
    const client = row?.here === true ? row : undefined; // of a cluster: else another node tells of it
    const key = client === undefined ? "" : keyOf(client);
    if ((this.#states.get(clientId) ?? "") === key) {
      if (forget && client?.live === undefined) this.#states.delete(clientId);
      return;
    }
    if (client === undefined || forget && client.live === undefined) this.#states.delete(clientId);
    else this.#states.set(clientId, key);
    if (!this.#hasRoom()) return;
    this.#add("session", {
      clientId,
      ...client === undefined ? row === undefined ? GONE : GONE_ELSEWHERE : stateOf(client),
    });
  }

  #tell(type: "link" | "session" | "fact", connection: ConnectionId, fields: Fields): void {
    if (!this.#hasRoom()) return;
    const clientId = this.#here.get(connection) || undefined;
    this.#add(type, { connection, clientId, ...fields });
  }

  /** Whether one more may be told; it is counted in either case. */
  #hasRoom(): boolean {
    if (this.ended !== undefined) return false;
    if (this.#isFull()) {
      this.omit(1);
      return false;
    }
    this.#inSecond += 1;
    this.events += 1;
    return true;
  }

  #isFull(): boolean {
    const second = Math.floor(this.#now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    return this.#inSecond >= this.#perSecond();
  }

  #add(type: string, fields: Fields): void {
    this.#lines.push(JSON.stringify({ at: Math.round(this.#now), type, ...fields }, cut));
    if (this.events >= this.start.most) this.ended ??= "events";
  }
}

const GONE = { session: false };
const GONE_ELSEWHERE = { session: true, here: false };

/** What is told again when it has changed. */
function keyOf({ live, session }: Client): string {
  return `${live?.id} ${live?.ready} ${live?.congested} ${queueLength(session.queue) > 0} ` +
    `${live !== undefined && session.sendQuota > 0} ${session.subscriptions.size}`;
}

function stateOf({ live, session }: Client): Fields {
  return {
    session: true,
    connected: live !== undefined,
    ready: live?.ready,
    congested: live?.congested,
    queued: queueLength(session.queue),
    inflight: ids.size(session.inflight),
    sendQuota: live === undefined ? undefined : session.sendQuota,
    subscriptions: session.subscriptions.size,
  };
}

/** An acknowledgement that says nothing but yes. */
function plain(type: Acknowledgement["type"], packetId: number): Packet {
  return { type, packetId, reasonCode: 0, properties: undefined };
}

function versionAt(to: readonly ConnectionId[], tables: Readonly<Tables>): ProtocolVersion {
  for (const id of to) {
    const live = tables.connections.get(id);
    if (live !== undefined) return live.connection.version;
  }
  return 4;
}

/** The name in the whole tree that a client means. */
function topicFrom(live: Live | undefined, { topic, properties }: Publish): string {
  if (live === undefined) return topic;
  const { aliases, mountPoint } = live.connection;
  const alias = properties?.topicAlias;
  const named = topic === "" && alias !== undefined ? aliases.get(alias) ?? "" : topic;
  return named === "" ? "" : mountName(mountPoint, named);
}

/** The same of what is sent to it. */
function topicTo(live: Live | undefined, { topic, properties }: Publish): string {
  if (live === undefined) return topic;
  const alias = properties?.topicAlias;
  if (topic !== "" || alias === undefined) return live.connection.mountPoint + topic;
  for (const [name, number] of live.outgoingAliases ?? []) {
    if (number === alias) return live.connection.mountPoint + name;
  }
  return "";
}

function cut(_key: string, value: unknown): unknown {
  return typeof value === "string" && value.length > LONGEST
    ? `${value.slice(0, LONGEST)}…`
    : value;
}
