/**
 * The traces that run: puts them in front of the broker while there are any, and has what they tell sent to who
 * asked. When there is none, the broker stands alone and nothing is looked at.
 *
 * The words of a trace come from service/trace/; a defect of one ends that trace and nothing else.
 */

import type { Event } from "../broker/event.ts";
import type { Tables } from "../broker/tables.ts";
import type { ConnectionId, Instant } from "../policy/identity.ts";
import { permits } from "../policy/permits.ts";
import type { Instruction } from "../service/service.ts";
import { Trace } from "../service/trace/trace.ts";
import type { TraceEnd, TraceStart, TraceView } from "../service/trace/trace_start.ts";
import { traceEnds } from "../service/trace/trace_start.ts";
import type { Steps } from "./runtime.ts";

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
  #gathering: ReturnType<typeof setTimeout> | undefined;
  readonly #steps: Steps = { step: (event, now) => this.#step(event, now) };

  constructor(options: TracingOptions) {
    this.#options = options;
  }

  get running(): readonly TraceView[] {
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
    if (this.#running.size === 0) return;
    for (const { trace } of this.#running.values()) trace.outboxDropped(connection, frames);
    this.#gather();
  }

  /** Ends all, without a word. */
  stop(): void {
    for (const id of [...this.#running.keys()]) this.#remove(id);
    clearTimeout(this.#gathering);
  }

  #begin(start: TraceStart): void {
    const { broker, now, watch } = this.#options;
    const tables = broker.snapshot();
    const perSecond = () => broker.snapshot().rules.limits.traceEventsPerSecond;
    const isOwn = (connection: ConnectionId, topic: string) => this.#isOwn(connection, topic);
    const trace = new Trace(start, tables, now(), perSecond, isOwn);
    const timer = setTimeout(() => this.#end(start.id, "time"), start.seconds * 1000);
    this.begun = Math.max(this.begun, start.id);
    if (this.#running.size === 0) watch(this.#steps);
    this.#running.set(start.id, { trace, timer });
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
    for (const { trace } of this.#running.values()) {
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
      else this.#send(trace, trace.take());
    }
    this.#options.endTurn();
  }

  #end(id: number, why: TraceEnd): void {
    const trace = this.#running.get(id)?.trace;
    if (trace === undefined) return;
    const { events, omitted } = trace;
    const at = Math.round(this.#options.now());
    const last = { at, type: "end", reason: why, words: traceEnds[why], events, omitted };
    const lines = this.#isPermitted(trace) ? trace.take() : [];
    this.#send(trace, [...lines, JSON.stringify(last)]);
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
    this.#running.delete(id);
    if (this.#running.size === 0) this.#options.watch(undefined);
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
