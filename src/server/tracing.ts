/**
 * The traces that run: puts them in front of the broker while there are any, and has what they tell sent to who
 * asked. When there is none, the broker stands alone and nothing is looked at.
 *
 * The words of a trace come from service/trace/; a defect of one ends that trace and nothing else.
 */

import type { Event } from "../broker/event.ts";
import type { Tables } from "../broker/tables.ts";
import type { ConnectionId, Instant, NodeId } from "../policy/identity.ts";
import { permits } from "../policy/permits.ts";
import type { TraceNote } from "../service/management/node_note.ts";
import { traceNoteIn } from "../service/management/node_note.ts";
import type { Instruction } from "../service/service.ts";
import { followProblem } from "../service/trace/followed.ts";
import { Trace } from "../service/trace/trace.ts";
import type { TraceEnd, TraceStart } from "../service/trace/trace_start.ts";
import { traceEnds } from "../service/trace/trace_start.ts";
import type { Steps } from "./runtime.ts";
import type { Elsewhere } from "./traces_elsewhere.ts";
import { Companions, lineAt, startFor } from "./traces_elsewhere.ts";

/** Milliseconds in which lines gather. */
const GATHER = 50;
/** Bytes of lines in one message, about. */
const MESSAGE = 32_768;
/** Bytes that a message needs beside its payload: topic, Correlation Data and the like. */
const AROUND = 512;

export interface TracingOptions {
  readonly broker: Steps & { snapshot(): Readonly<Tables> };
  /** Puts this in front of the broker; undefined: nothing any more. */
  readonly watch: (steps: Steps | undefined) => void;
  readonly feed: (event: Event) => void;
  readonly endTurn: () => void;
  readonly now: () => Instant;
  readonly broken: (error: unknown) => void;
  /** The other nodes of a cluster; absent where there are none. */
  readonly elsewhere?: Elsewhere | undefined;
}

interface Running {
  readonly trace: Trace;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class Tracing {
  /** Traces so far. */
  begun = 0;
  readonly #options: TracingOptions;
  readonly #running = new Map<number, Running>();
  readonly #companions: Companions | undefined;
  #inFront = false;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  readonly #steps: Steps = { step: (event, now) => this.#step(event, now) };

  constructor(options: TracingOptions) {
    this.#options = options;
    const { elsewhere } = options;
    this.#companions = elsewhere && new Companions(elsewhere, () => this.flush());
  }

  /** Any trace runs here, for whichever node. */
  get watching(): boolean {
    return this.#running.size + (this.#companions?.size ?? 0) > 0;
  }

  get running(): readonly Trace[] {
    return Array.from(this.#running.values(), ({ trace }) => trace);
  }

  /** Does what the instruction says; false where it is about something else. */
  take(instruction: Instruction): boolean {
    if (instruction.type === "trace") this.#begin(instruction.start);
    else if (instruction.type === "stopTrace") this.#end(instruction.id, "stopped");
    else return false;
    return true;
  }

  /** The outbox of a connection did not take QoS 0 packets. */
  outboxDropped(connection: ConnectionId, frames: number): void {
    if (!this.watching) return;
    for (const trace of this.#all()) trace.outboxDropped(connection, frames);
    this.#gather();
  }

  /** Ends all, without a word. */
  stop(): void {
    for (const id of [...this.#running.keys()]) this.#remove(id);
    this.#companions?.endAll();
    this.#watch();
    clearTimeout(this.#gathering);
  }

  /** What another node tells of a trace. */
  heard(from: NodeId, what: unknown): void {
    const note = traceNoteIn(what);
    if (note === undefined) return;
    if (note.type === "begin") return this.#accompany(from, note);
    if (note.type === "end") {
      this.#companions?.end(from, note.id);
      return this.#watch();
    }
    const trace = this.#running.get(note.id)?.trace;
    if (trace === undefined) return this.#tell(from, { type: "end", id: note.id });
    if (!this.#isPermitted(trace)) return this.#end(note.id, "notPermitted");
    trace.events += note.events;
    trace.omitted += note.omitted;
    this.#send(trace, note.lines.map((line) => lineAt(from, line)));
    if (trace.events >= trace.start.most) this.#end(note.id, "events");
    this.#options.endTurn();
  }

  /** Begins a trace whose lines another node is told. */
  #accompany(to: NodeId, note: TraceNote & { readonly type: "begin" }): void {
    const { broker } = this.#options;
    const { limits } = broker.snapshot().rules;
    const begin = () => this.#traceOf(startFor(note, limits.traceSeconds));
    if (followProblem(note.followed, limits.topicLevels) !== undefined) return;
    this.#companions?.begin(to, note.id, limits.traces, begin);
    this.#watch();
    this.#gather();
  }

  /** In front of the broker while there is any, and not any longer. */
  #watch(): void {
    const { watching } = this;
    if (watching === this.#inFront) return;
    this.#inFront = watching;
    this.#options.watch(watching ? this.#steps : undefined);
  }

  #traceOf(start: TraceStart): Trace {
    const { broker, now } = this.#options;
    const perSecond = () => broker.snapshot().rules.limits.traceEventsPerSecond;
    const isOwn = (connection: ConnectionId, topic: string) => this.#isOwn(connection, topic);
    return new Trace(start, broker.snapshot(), now(), perSecond, isOwn);
  }

  #tell(to: NodeId, note: TraceNote): void {
    this.#options.elsewhere?.tell(to, note);
  }

  #tellOthers(note: TraceNote): void {
    const { elsewhere } = this.#options;
    if (elsewhere === undefined) return;
    for (const to of elsewhere.nodes()) if (to !== elsewhere.node) this.#tell(to, note);
  }

  #all(): readonly Trace[] {
    const { running } = this;
    return this.#companions === undefined ? running : [...running, ...this.#companions.traces];
  }

  #begin(start: TraceStart): void {
    const trace = this.#traceOf(start);
    const timer = setTimeout(() => this.#end(start.id, "time"), start.seconds * 1000);
    this.begun = Math.max(this.begun, start.id);
    this.#running.set(start.id, { trace, timer });
    this.#watch();
    const { id, followed, seconds, most, payload } = start;
    this.#tellOthers({ type: "begin", id, followed, seconds, most, payload });
    this.#gather();
  }

  #step(event: Event, now: Instant) {
    const { broker } = this.#options;
    const tables = broker.snapshot();
    this.#each((trace) => trace.before(event, tables, now));
    const effects = broker.step(event, now);
    this.#each((trace) => trace.after(effects, tables));
    this.#gather();
    return effects;
  }

  #each(work: (trace: Trace) => void): void {
    for (const trace of this.#all()) {
      if (trace.ended !== undefined) continue;
      try {
        work(trace);
      } catch (error) {
        trace.ended = "failed";
        this.#options.broken(error);
      }
    }
  }

  #isOwn(connection: ConnectionId, topic: string): boolean {
    for (const { trace: { start } } of this.#running.values()) {
      if (start.sender.connection === connection && topicOf(start) === topic) return true;
    }
    return false;
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.flush();
    }, GATHER);
  }

  /** Sends what has gathered. */
  flush(): void {
    for (const [id, { trace }] of [...this.#running]) {
      if (trace.ended !== undefined) this.#end(id, trace.ended);
      else if (!this.#isPermitted(trace)) this.#end(id, "notPermitted");
      else this.#sendOwn(trace, trace.take());
    }
    if (this.#companions?.report() === true) this.#watch();
    this.#options.endTurn();
  }

  #end(id: number, why: TraceEnd): void {
    const trace = this.#running.get(id)?.trace;
    if (trace === undefined) return;
    const { events, omitted } = trace;
    const at = Math.round(this.#options.now());
    const last = { at, type: "end", reason: why, words: traceEnds[why], events, omitted };
    const lines = this.#isPermitted(trace) ? trace.take() : [];
    this.#sendOwn(trace, [...lines, JSON.stringify(last)]);
    this.#remove(id);
    this.#options.endTurn();
  }

  /** Whether who asked may still: rules, and who a client is, may be others since. */
  #isPermitted({ start: { needs, sender } }: Trace): boolean {
    const { rules, connections } = this.#options.broker.snapshot();
    const identity = connections.get(sender.connection)?.connection.identity;
    return identity === undefined || // it has gone, which is told of elsewhere
      needs.every((topic) => permits(rules, identity, "publish", topic).permitted);
  }

  #remove(id: number): void {
    clearTimeout(this.#running.get(id)?.timer);
    if (!this.#running.delete(id)) return;
    this.#tellOthers({ type: "end", id });
    this.#watch();
  }

  /** Of a cluster: with the node, as other nodes see other things. */
  #sendOwn(trace: Trace, lines: readonly string[]): void {
    const node = this.#options.elsewhere?.node;
    this.#send(trace, node === undefined ? lines : lines.map((line) => lineAt(node, line)));
  }

  /** In messages of some size, to who asked; what that client does not take is counted. */
  #send(trace: Trace, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const { sender } = trace.start;
    const live = this.#options.broker.snapshot().connections.get(sender.connection);
    if (live?.client === undefined) {
      trace.ended = "askerGone";
      return;
    }
    if (live.congested) return trace.omit(lines.length);
    const most = Math.min(MESSAGE, Math.max(128, live.connection.maximumPacketSize - AROUND));
    let part: Uint8Array[] = [];
    let size = 0;
    for (const line of lines) {
      const bytes = UTF8.encode(`${line}\n`);
      if (part.length > 0 && size + bytes.length > most) {
        this.#publish(trace, part, size);
        part = [];
        size = 0;
      }
      part.push(bytes);
      size += bytes.length;
    }
    this.#publish(trace, part, size);
  }

  #publish({ start }: Trace, lines: readonly Uint8Array[], size: number): void {
    const payload = new Uint8Array(size);
    let at = 0;
    for (const line of lines) {
      payload.set(line, at);
      at += line.length;
    }
    const short = UTF8.encode(`{"type":"omitted","count":${lines.length}}\n`);
    this.#options.feed({
      type: "answer",
      answer: {
        request: { topic: start.topic, sender: start.sender },
        to: start.topic,
        ticket: 0, // nobody waits for it
        writes: [],
        afterAll: false,
        payload,
        short,
      },
    });
  }
}

function topicOf({ sender, topic }: TraceStart): string {
  return sender.responseTopic || topic;
}

const UTF8 = new TextEncoder();
