/**
 * Traces of a cluster: one that is asked for on a node runs on all of them, and each node tells the one that was
 * asked what it sees. A client may be on any node, and go from one to another while it is followed.
 *
 * Here is what the nodes tell each other, as values; tracing.ts runs the traces.
 *
 * | what | to whom |
 * |---|---|
 * | `begin` | to all nodes that are there then |
 * | `lines` | to the node that was asked, as they gather |
 * | `end` | to all: who asked has gone, or has enough |
 */

import type { NodeId, Seconds } from "../policy/identity.ts";
import type { TraceNote } from "../service/management/node_note.ts";
import type { Trace } from "../service/trace/trace.ts";
import type { TraceStart } from "../service/trace/trace_start.ts";

/** The other nodes, as traces see them. */
export interface Elsewhere {
  readonly node: NodeId;
  /** All that there are, this one included. */
  readonly nodes: () => readonly NodeId[];
  readonly tell: (to: NodeId, what: TraceNote) => Promise<void>;
}

/** The trace on another node than the one that was asked: it has nobody to tell here. */
export function startFor(
  note: TraceNote & { readonly type: "begin" },
  longest: Seconds,
): TraceStart {
  const { id, followed, most, payload } = note;
  const seconds = Math.min(note.seconds, longest);
  return {
    id,
    followed,
    seconds,
    most,
    payload,
    topic: "",
    needs: [],
    sender: NOBODY,
    by: { user: undefined, clientId: "" },
  };
}

/** No connection has that number. */
const NOBODY = { connection: 0, responseTopic: undefined, correlationData: undefined } as const;

/** A line with the node that saw it in front. */
export function lineAt(node: NodeId, line: string): string {
  return `{"node":${JSON.stringify(node)},${line.slice(1)}`;
}

/** Texts that are on their way to another node at most: above that, events are left out. */
const MOST_SENDING = 4;

/** A trace that runs here for a node that was asked for it. */
interface Companion {
  readonly to: NodeId;
  readonly trace: Trace;
  readonly timer: ReturnType<typeof setTimeout>;
  /** Of these was told already. */
  events: number;
  omitted: number;
  /** Texts that are on their way. */
  sending: number;
}

/** The traces that run here for other nodes. */
export class Companions {
  readonly #elsewhere: Elsewhere;
  /** By the node that was asked and the number that the trace has there. */
  readonly #all = new Map<string, Companion>();

  readonly #over: () => void;

  /** @param over has them told: the time of one is over */
  constructor(elsewhere: Elsewhere, over: () => void) {
    this.#elsewhere = elsewhere;
    this.#over = over;
  }

  get size(): number {
    return this.#all.size;
  }

  get traces(): readonly Trace[] {
    return Array.from(this.#all.values(), ({ trace }) => trace);
  }

  /**
   * Begins one, unless there is that one or as many as may be.
   *
   * @param most for one node
   */
  begin(to: NodeId, id: number, most: number, traceOf: () => Trace): void {
    const name = `${to} ${id}`;
    let others = 0;
    for (const companion of this.#all.values()) if (companion.to === to) others += 1;
    if (others >= most || this.#all.has(name)) return;
    const trace = traceOf();
    const timer = setTimeout(() => {
      trace.ended ??= "time";
      this.#over();
    }, trace.start.seconds * 1000);
    this.#all.set(name, { to, trace, timer, events: 0, omitted: 0, sending: 0 });
  }

  end(to: NodeId, id: number): void {
    this.#end(`${to} ${id}`);
  }

  endAll(): void {
    for (const name of [...this.#all.keys()]) this.#end(name);
  }

  #end(name: string): void {
    clearTimeout(this.#all.get(name)?.timer);
    this.#all.delete(name);
  }

  /** Tells each node what has gathered for it; true where a trace is over, or its node is no more. */
  report(): boolean {
    const before = this.size;
    for (const [name, companion] of [...this.#all]) {
      const { to, trace } = companion;
      if (this.#elsewhere.nodes().includes(to)) this.#tell(companion);
      else trace.ended ??= "askerGone";
      if (trace.ended !== undefined) this.#end(name);
    }
    return this.size < before;
  }

  #tell(companion: Companion): void {
    const { to, trace } = companion;
    const lines = [...trace.take()];
    if (companion.sending >= MOST_SENDING) return trace.omit(lines.length);
    if (lines.length === 0) return;
    const events = trace.events - companion.events;
    const omitted = trace.omitted - companion.omitted;
    companion.events = trace.events;
    companion.omitted = trace.omitted;
    companion.sending += 1;
    this.#elsewhere.tell(to, { type: "lines", id: trace.start.id, lines, events, omitted })
      .finally(() => companion.sending -= 1);
  }
}
