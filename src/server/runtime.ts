/**
 * The shell's heart: events into the broker, its effects out to links, store and authenticator.
 * Synchronous, and without a decision of MQTT: what it is given to wait for comes back as an event.
 */

import type { Authenticator } from "../authentication/authenticator.ts";
import { Exchanges } from "../authentication/exchanges.ts";
import type { Broker } from "../broker/broker.ts";
import type { Event } from "../broker/event.ts";
import { acknowledgementWord, plainWord } from "../packet/acknowledgement.ts";
import { encode } from "../packet/encode.ts";
import { frameLength } from "../packet/fixed_header.ts";
import type { FrameSplitter } from "../packet/frame_splitter.ts";
import { payloadSize } from "../packet/payload_size.ts";
import { writePublish } from "../packet/publish_frame.ts";
import type { Packet, ProtocolVersion, Publish } from "../packet/packet.ts";
import type { ConnectionId, Instant } from "../policy/identity.ts";
import { observe } from "../service/histogram.ts";
import type { Measures } from "../service/measures.ts";
import { newMeasures, SAMPLED } from "../service/measures.ts";
import type { Flow } from "../service/traffic.ts";
import { allPackets } from "../service/traffic.ts";
import type { Effect } from "../session/effect.ts";
import type { Fact } from "../session/fact.ts";
import type { Request } from "../session/request.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Store } from "../store/store.ts";
import type { Outbox } from "../transport/outbox.ts";
import { Committer } from "./committer.ts";
import type { Clock } from "./wall_clock.ts";

/** Bytes that are read in one turn: more would make the first wait for the last. */
const TURN_BYTES = 1 << 16;

/** A link as the runtime has it. */
export interface Wire {
  readonly outbox: Outbox;
  /** What cuts its bytes into packets. */
  readonly splitter: FrameSplitter;
  /** What packets to it are encoded for; undefined until CONNECT settles it. */
  version: ProtocolVersion | undefined;
  paused: boolean;
  /** Its packets are fed one by one, never as a run. */
  singly: boolean;
  /** Has something to be flushed at the end of the turn. */
  touched: boolean;
  /** Closed by the broker: it is not read any more. */
  gone: boolean;
  /** Set while somebody waits for the end of the pause. */
  onResume: (() => void) | undefined;
}

export interface RuntimeOptions {
  readonly broker: Broker;
  readonly store: Store;
  /** Where the broker is one node of several: its store is theirs too. */
  readonly cluster?: Cluster | undefined;
  /** Why no client's session is asked for now: it would wait behind commits that wait themselves. */
  readonly refusesClaims?: (() => string | undefined) | undefined;
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  /** Who takes requests to the broker's services; absent where there are none. */
  readonly services?: Requests | undefined;
  /** Every fact, in order: log and statistics are folds over them. */
  readonly observe: (fact: Fact) => void;
  /** QoS 0 frames that an outbox did not take. */
  readonly outboxDropped: (frames: number, connection: ConnectionId) => void;
  /** Where what is measured goes; its own by default. */
  readonly measures?: Measures;
  /** An invariant of the broker does not hold: the connection that showed it is closed. */
  readonly broken: (error: unknown, event: Event) => void;
  /** The store cannot tell what it has: nothing may be acknowledged any more. */
  readonly fail: (error: unknown) => void;
}

/** What answers events: the broker, or what stands in front of it and asks it. */
export interface Steps {
  step(event: Event, now: Instant): readonly Effect[];
}

/** What the broker asks of its services. */
export interface Requests {
  take(request: Request): void;
  /** What the answer with that ticket speaks of is durable. */
  answered(ticket: number): void;
  /** A session that was wanted is here, or does not come. */
  fetched(effect: Effect & { readonly type: "fetched" }): void;
}

export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #committer: Committer;
  readonly #exchanges: Exchanges;
  #steps: Steps;
  readonly #wires = new Map<ConnectionId, Wire>();
  /** Outboxes that are being written out before their links close. */
  readonly #ending = new Set<Outbox>();
  #touched: Wire[] = [];
  /** Those that were touched by an acknowledgement: they leave after the messages, for which somebody waits. */
  #acknowledged: Wire[] = [];
  readonly #events: Event[] = [];
  #feeding = false;
  /** Read in this turn so far. */
  #turnBytes = 0;
  #endsSoon = false;
  /** Read once a turn: all events of one read happen at the same time. */
  #now: Instant | undefined;
  readonly measures: Measures;
  readonly #sent: Flow;
  /** Counts bytes that have left: for every outbox the same function. */
  readonly wrote = (bytes: number): void => {
    this.measures.traffic.sent.bytes += bytes;
  };
  /** Turns until the next one whose route latency is measured; below 0 it is this one. */
  #untilSample = SAMPLED;
  /** When the turn that is measured routed its first message, 0 where it has not. */
  #routedAt = 0;

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#steps = options.broker;
    this.measures = options.measures ?? newMeasures();
    this.#sent = this.measures.traffic.sent;
    this.#exchanges = new Exchanges(options.authenticator);
    this.#committer = new Committer(
      options.store,
      (event) => this.feed(event),
      () => this.endTurn(),
      options.fail,
      this.measures,
      ({ connection, clientId, most, ifFree }) =>
        options.cluster?.claim(connection, clientId, most, ifFree),
    );
  }

  /** Puts something in front of the broker that sees all events and effects; undefined takes it away. */
  watch(steps: Steps | undefined): void {
    this.#steps = steps ?? this.#options.broker;
  }

  /** Connections that are open. */
  get size(): number {
    return this.#wires.size;
  }

  /** Nothing waits for the store. */
  get idle(): boolean {
    return this.#committer.idle;
  }

  /** Makes a link known, before its first event. */
  attach(id: ConnectionId, wire: Wire): void {
    this.measures.traffic.links += 1;
    this.#wires.set(id, wire);
  }

  /**
   * What waits to be written to all links together: its bytes, and about how many packets that are, by the mean
   * size of all that were sent. To count them in each outbox would cost a fan-out several percent.
   */
  unwritten(): { readonly packets: number; readonly bytes: number } {
    let bytes = 0;
    for (const { outbox } of this.#wires.values()) bytes += outbox.buffered;
    const all = allPackets(this.#sent);
    const packets = bytes === 0 ? 0 : Math.ceil(bytes * all / (this.#sent.bytes + bytes));
    return { packets, bytes };
  }

  /** Takes an event in and does what it leads to. Whoever feeds ends the turn when it has no more. */
  feed(event: Event): void {
    if (this.#feeding) { // led to by what is being done: it has its turn after that
      this.#events.push(event);
      return;
    }
    // What came before is answered before; only a run of publications is answered all at once.
    if (!isPublication(event)) this.#committer.letPass();
    else if (this.#untilSample < 0) this.#beginSample(event);
    this.#feeding = true;
    this.#one(event);
    for (let i = 0; i < this.#events.length; i++) this.#one(this.#events[i]!);
    if (this.#events.length > 0) this.#events.length = 0;
    this.#feeding = false;
  }

  /**
   * Does now what waits for no store, such as the CONNACK of a session that is not kept: its client is read on
   * without a promise to wait with. The bytes leave at the end of the turn, as ever.
   */
  letPass(): void {
    this.#committer.letPass();
  }

  /**
   * Ends the turn when all who have read something at the same time have fed it, or at once when that was
   * much: their answers leave together, which wakes whoever waits for them once.
   *
   * @param bytes that were read
   */
  endTurnSoon(bytes: number): void {
    this.#turnBytes += bytes;
    if (this.#turnBytes >= TURN_BYTES) return this.endTurn();
    if (this.#endsSoon) return;
    this.#endsSoon = true;
    queueMicrotask(this.#endNow);
  }

  readonly #endNow = () => {
    this.#endsSoon = false;
    this.endTurn();
  };

  /** Hands on what has gathered: commits, then bytes, then the next wish to be woken. */
  endTurn(): void {
    this.#turnBytes = 0;
    this.#committer.flush();
    const touched = this.#touched;
    const acknowledged = this.#acknowledged;
    this.#touched = [];
    if (acknowledged.length > 0) this.#acknowledged = [];
    flushAll(touched);
    flushAll(acknowledged);
    if (this.#untilSample >= 0) this.#untilSample -= 1;
    else if (this.#routedAt > 0) this.#endSample();
    this.#now = undefined;
    this.#options.clock.wakeAt(this.#options.broker.nextDeadline());
  }

  #beginSample(event: Event): void {
    if (this.#routedAt > 0) return;
    if (!(event.type === "packet" ? event.packet.type === "publish" : isRunOfMessages(event))) {
      return;
    }
    this.#routedAt = performance.now();
  }

  #endSample(): void {
    observe(this.measures.route, (performance.now() - this.#routedAt) / 1000);
    this.#routedAt = 0;
    this.#untilSample = SAMPLED;
  }

  #one(event: Event): void {
    const { clock } = this.#options;
    try {
      const effects = this.#steps.step(event, this.#now ??= clock.now());
      for (let i = 0; i < effects.length; i++) this.#perform(effects[i]!);
    } catch (error) {
      this.#options.broken(error, event);
      if (!("connection" in event) || event.type === "closed") return;
      this.#wires.get(event.connection)?.outbox.abort();
      this.#forget(event.connection);
      const { connection } = event;
      this.#events.push({ type: "closed", connection, reason: "internalError" });
    }
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "deliver": {
        const { to, frame } = effect;
        let taken = 0;
        let last: Wire | undefined; // its version is that of all, as the bytes are the same
        for (let i = 0; i < to.length; i++) {
          const wire = this.#wires.get(to[i]!);
          if (wire === undefined) continue;
          if (!wire.touched) this.#touch(wire);
          if (wire.outbox.append(frame.bytes)) taken += 1;
          else this.#options.outboxDropped(1, to[i]!);
          last = wire;
        }
        if (taken > 0) this.#countPublish(frame.bytes, last!.version ?? 4, taken);
        return;
      }
      case "deliverRun": {
        const { to, run } = effect;
        let taken = 0;
        for (let i = 0; i < to.length; i++) {
          const wire = this.#wires.get(to[i]!);
          if (wire === undefined) continue;
          if (!wire.touched) this.#touch(wire);
          if (wire.outbox.append(run.bytes)) taken += 1;
          else this.#appendEach(to[i]!, wire, run.bytes);
        }
        const { sent } = this.measures.traffic;
        sent.packets[run.bytes[0]!]! += taken * run.count;
        sent.payload[0]! += taken * run.payload;
        return;
      }
      case "deliverRetained": {
        const { to, bytes, count, payload } = effect;
        const wire = this.#wires.get(to);
        if (wire === undefined) return;
        if (!wire.touched) this.#touch(wire);
        if (!wire.outbox.append(bytes)) return this.#appendEach(to, wire, bytes);
        this.#sent.packets[bytes[0]!]! += count;
        this.#sent.payload[0]! += payload;
        return;
      }
      case "deliverAs": {
        const wire = this.#wires.get(effect.to);
        if (wire === undefined) return;
        if (!wire.touched) this.#touch(wire);
        const { frame, packetId } = effect;
        if (wire.outbox.appendAs(frame.bytes, frame.packetIdAt, packetId)) {
          this.#countPublish(frame.bytes, wire.version ?? 4, 1);
        } else {
          this.#overflow(effect.to, wire);
        }
        return;
      }
      case "send": {
        const wire = this.#wires.get(effect.to);
        if (wire === undefined) return;
        if (!wire.touched) {
          this.#touch(wire, isAcknowledgement(effect.packet) ? this.#acknowledged : this.#touched);
        }
        if (!this.#send(effect, wire)) this.#overflow(effect.to, wire);
        return;
      }
      case "publishAll": {
        const { to, packets } = effect;
        for (let i = 0; i < packets.length; i++) {
          const wire = this.#wires.get(to);
          if (wire === undefined) return;
          if (!wire.touched) this.#touch(wire);
          if (!this.#sendPublish(to, packets[i]!, wire)) return this.#overflow(to, wire);
        }
        return;
      }
      case "deliverNumbered":
        return this.#deliverNumbered(effect);
      case "acknowledge":
        return this.#acknowledge(effect);
      case "persist":
      case "load":
      case "read":
        return this.#committer.add(effect);
      case "claim": {
        const { connection, clientId } = effect;
        const detail = connection === 0 ? undefined : this.#options.refusesClaims?.();
        if (detail === undefined) return this.#committer.add(effect);
        return this.feed({ type: "notClaimed", connection, clientId, detail });
      }
      case "cast":
        return this.#options.cluster?.cast(effect.nodes, effect.message, effect.group);
      case "observe":
        return this.#options.observe(effect.fact);
      case "pause":
      case "resume":
        return this.#setPaused(effect.connection, effect.type === "pause");
      case "feedSingly": {
        const wire = this.#wires.get(effect.connection);
        if (wire !== undefined) wire.singly = effect.singly;
        return;
      }
      case "limitPackets":
        this.#wires.get(effect.connection)?.splitter.limitPackets(effect.bytes);
        return;
      case "request":
        return this.#options.services?.take(effect.request);
      case "answered":
        return this.#options.services?.answered(effect.ticket);
      case "fetched":
        return this.#options.services?.fetched(effect);
      case "close": {
        const wire = this.#wires.get(effect.connection);
        this.#forget(effect.connection);
        if (wire === undefined) return;
        wire.outbox.end();
        if (!wire.outbox.closed) this.#ending.add(wire.outbox);
        return;
      }
      case "authenticate": {
        const { connection, step, credentials } = effect;
        const verdict = this.#exchanges.verdictOn(connection, step, credentials);
        if (!(verdict instanceof Promise)) {
          return this.feed({ type: "authenticated", connection, verdict });
        }
        verdict.then((verdict) => {
          this.feed({ type: "authenticated", connection, verdict });
          this.endTurn();
        });
      }
    }
  }

  /** As many packets of a run as the outbox has room for. */
  #appendEach(connection: ConnectionId, { outbox, version = 4 }: Wire, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const frame = bytes.subarray(at, at + frameLength(bytes, at, bytes.length));
      if (outbox.append(frame)) this.#countPublish(frame, version, 1);
      else this.#options.outboxDropped(1, connection);
      at += frame.length;
    }
  }

  /** Writes a packet into the outbox; false where it has no room, or for what no packet can carry. */
  #send({ to: connection, packet }: Effect & { type: "send" }, wire: Wire): boolean {
    const { outbox, version = 4 } = wire;
    const sent = this.#sent;
    const word = acknowledgementWord(packet, version);
    if (word !== 0) {
      sent.packets[word >>> 24]! += 1;
      return outbox.appendWord(word);
    }
    if (packet.type === "publish") return this.#sendPublish(connection, packet, wire);
    try {
      const bytes = encode(packet, version);
      sent.packets[bytes[0]!]! += 1;
      return outbox.append(bytes);
    } catch (error) { // which is no reason for others to miss theirs
      this.#options.broken(error, { type: "packet", connection, packet });
      return false;
    }
  }

  /** The same with a PUBLISH. */
  #sendPublish(connection: ConnectionId, packet: Publish, { outbox, version = 4 }: Wire): boolean {
    const sent = this.#sent;
    try {
      const at = writePublish(outbox, packet, version);
      if (at < 0) return false;
      sent.packets[outbox.bytes[at]!]! += 1;
      sent.payload[packet.qos]! += packet.payload.length;
      return true;
    } catch (error) {
      this.#options.broken(error, { type: "packet", connection, packet });
      return false;
    }
  }

  /** Copies the packets at once and writes the Packet Identifiers into the copy. */
  #deliverNumbered({ to, run, packetId }: Effect & { type: "deliverNumbered" }): void {
    const wire = this.#wires.get(to);
    if (wire === undefined) return;
    if (!wire.touched) this.#touch(wire);
    const { bytes, packetIdsAt } = run;
    const from = wire.outbox.take(bytes.length);
    if (from < 0) return this.#overflow(to, wire);
    const into = wire.outbox.bytes;
    into.set(bytes, from);
    for (let i = 0; i < packetIdsAt.length; i++) {
      const at = from + packetIdsAt[i]!;
      into[at] = packetId + i >>> 8;
      into[at + 1] = packetId + i;
    }
    this.#sent.packets[bytes[0]!]! += packetIdsAt.length;
    this.#sent.payload[bytes[0]! >> 1 & 3]! += run.payload;
  }

  /** Writes acknowledgements, four bytes each. */
  #acknowledge({ to, packet, packetIds }: Effect & { type: "acknowledge" }): void {
    const wire = this.#wires.get(to);
    if (wire === undefined) return;
    if (!wire.touched) this.#touch(wire, this.#acknowledged);
    for (let i = 0; i < packetIds.length; i++) {
      const word = plainWord(packet, packetIds[i]!);
      if (!wire.outbox.appendWord(word)) return this.#overflow(to, wire);
      this.#sent.packets[word >>> 24]! += 1;
    }
  }

  /** Counts a PUBLISH that so many outboxes took. */
  #countPublish(bytes: Uint8Array, version: ProtocolVersion, copies: number): void {
    const sent = this.#sent;
    const first = bytes[0]!;
    sent.packets[first]! += copies;
    sent.payload[first >> 1 & 3]! += copies * payloadSize(bytes, version);
  }

  /** Has it flushed at the end of the turn. */
  #touch(wire: Wire, among: Wire[] = this.#touched): void {
    wire.touched = true;
    among.push(wire);
  }

  #setPaused(connection: ConnectionId, paused: boolean): void {
    const wire = this.#wires.get(connection);
    if (wire === undefined) return;
    wire.paused = paused;
    if (!paused) release(wire);
  }

  #forget(connection: ConnectionId): void {
    this.#exchanges.forget(connection);
    const wire = this.#wires.get(connection);
    if (wire === undefined) return;
    this.#wires.delete(connection);
    wire.gone = true;
    release(wire);
  }

  /** Resolves when nothing waits for the store and all that was written has left, or after a time. */
  async drained(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    while (performance.now() < until) {
      for (const outbox of this.#ending) if (outbox.closed) this.#ending.delete(outbox);
      if (this.idle && this.#ending.size === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The link of the outbox is closed, by whomever: it need not be waited for. */
  ended(outbox: Outbox): void {
    this.#ending.delete(outbox);
  }

  /** The link has ended by itself. */
  detach(connection: ConnectionId): void {
    this.#forget(connection);
  }

  /** What may not be dropped finds no room: the client takes nothing and asks for more. */
  #overflow(connection: ConnectionId, wire: Wire): void {
    wire.outbox.abort();
    this.#forget(connection);
    this.feed({ type: "closed", connection, reason: "outboxFull" });
  }
}

function flushAll(wires: readonly Wire[]): void {
  for (let i = 0; i < wires.length; i++) {
    wires[i]!.touched = false;
    wires[i]!.outbox.flush();
  }
}

/** A packet that answers one with a Packet Identifier, sections 3.4 to 3.7. */
function isAcknowledgement({ type }: Packet): boolean {
  return type === "puback" || type === "pubrec" || type === "pubrel" || type === "pubcomp";
}

/** PUBLISH packets that came one right behind the other. */
function isRunOfMessages({ type }: Event): boolean {
  return type === "run" || type === "numbered" || type === "retained";
}

/** A packet that comes in runs and answers for no state but its own message's. */
function isPublication(event: Event): boolean {
  if (event.type !== "packet") {
    return isRunOfMessages(event) || event.type === "acknowledged";
  }
  return event.packet.type === "publish" || isAcknowledgement(event.packet);
}

/** Lets its reader go on: a wire that has gone is read to find out. */
function release(wire: Wire): void {
  wire.paused = false;
  const { onResume } = wire;
  wire.onResume = undefined;
  onResume?.();
}
