/**
 * Clusters that are broken on purpose, in one place each: what the simulation of the cluster has to find out.
 */

import type { NodeId } from "../../src/policy/identity.ts";
import type { AnyWrite } from "../../src/session/cluster_write.ts";
import type { IndexRecord } from "../../src/session/write.ts";
import type { InboxEntry, LogEntry, Part } from "./state.ts";
import { FENCED, SharedState } from "./state.ts";

/** Puts `made` in the place of a method of the shared state; what it returns puts the method back. */
function state<Name extends keyof SharedState>(
  name: Name,
  // deno-lint-ignore no-explicit-any
  made: (real: (...given: any[]) => any, self: SharedState, given: any[]) => unknown,
): () => () => void {
  return () => {
    // deno-lint-ignore no-explicit-any
    const target = SharedState.prototype as any;
    const real = target[name];
    target[name] = function (this: SharedState, ...given: unknown[]) {
      return made((...other) => real.apply(this, other), this, given);
    };
    return () => target[name] = real;
  };
}

/** Writes of a type are none. */
function forgets(...types: AnyWrite["type"][]): () => () => void {
  return state(
    "commit",
    (real, _, [node, number, writes]) =>
      real(node, number, (writes as AnyWrite[]).filter(({ type }) => !types.includes(type))),
  );
}

/** Nodes do not see some of what is in their inboxes. */
function overlooks(type: InboxEntry["type"]): () => () => void {
  return state("readInbox", (real, _, given) => {
    const part: Part<InboxEntry> | typeof FENCED = real(...given);
    if (part === FENCED) return part;
    return { ...part, entries: part.entries.filter((entry) => entry.type !== type) };
  });
}

/** Nodes read another log. */
function readsLog(made: (entry: LogEntry) => LogEntry | undefined): () => () => void {
  return state("readLog", (real, _, given) => {
    const part: Part<LogEntry> = real(...given);
    return { ...part, entries: part.entries.flatMap((entry) => made(entry) ?? []) };
  });
}

const everNamed = new WeakMap<SharedState, Set<NodeId>>();

/** Whoever was ever there. */
function withTheDead(self: SharedState, living: readonly NodeId[]): readonly NodeId[] {
  const all = everNamed.get(self) ?? new Set();
  for (const node of living) all.add(node);
  everNamed.set(self, all);
  return [...all];
}

/** In the log some writes are missing. */
function replicatesNo(...types: AnyWrite["type"][]): () => () => void {
  return readsLog((entry) =>
    "nodes" in entry
      ? entry
      : { ...entry, writes: entry.writes.filter(({ type }) => !types.includes(type)) }
  );
}

/** At its start a node overlooks some records. */
function startsWithout(type: IndexRecord["type"]): () => () => void {
  return state("index", (real) => {
    const snapshot = real();
    const records = snapshot.records.filter((record: IndexRecord) => record.type !== type);
    return { ...snapshot, records };
  });
}

let fresh = 1e9;

/** By what is wrong; what each returns breaks the cluster, and what that returns mends it. */
export const mutants: Readonly<Record<string, () => () => void>> = {
  "mail is lost": overlooks("mail"),
  "forwarded messages are lost": overlooks("forward"),
  "messages for shared subscriptions are not seen": overlooks("share"),
  "whoever has a session is not asked for it": overlooks("wanted"),
  "posts are lost": forgets("post"),
  "what was taken out of an inbox stays": forgets("taken"),
  "sessions are not let go of": forgets("release"),
  "routes are not written": forgets("announce"),
  "routes are not replicated": replicatesNo("announce"),
  "retained messages are not replicated": replicatesNo("putRetained"),
  "the end of retained messages is not replicated": replicatesNo("deleteRetained"),
  "subscriptions are not replicated": replicatesNo("putSubscription"),
  "the end of subscriptions is not replicated": replicatesNo("deleteSubscription"),
  "sessions are not replicated": replicatesNo("putSession"),
  "the end of sessions is not replicated": replicatesNo("deleteSession"),
  "Wills that wait are not replicated": replicatesNo("putWill"),
  "the end of Wills that wait is not replicated": replicatesNo("deleteWill"),
  "who has died is not told": state("readLog", (real, self, given) => {
    const part: Part<LogEntry> = real(...given);
    const entries = part.entries.map((entry) =>
      "nodes" in entry ? { ...entry, nodes: withTheDead(self, entry.nodes) } : entry
    );
    return { ...part, entries };
  }),
  "a node starts without routes": startsWithout("route"),
  "a node starts without Wills that wait": startsWithout("will"),
  "a node starts without subscriptions": startsWithout("subscription"),
  "nobody waits until all have heard": state("allApplied", () => true),
  "nothing of the dead is adopted": state("adopt", () => undefined),
  "the Wills of the dead are lost": state("adopt", (real, _, given) => {
    const loaded = real(...given);
    if (loaded === undefined || loaded === FENCED) return loaded;
    const { will: _will, ...stored } = loaded.stored;
    return { ...loaded, stored };
  }),
  "delayed messages of the dead are lost": state("estate", (real, _, given) => {
    const estate = real(...given);
    return estate === FENCED ? estate : { ...estate, delayed: [] };
  }),
  "shared queues of the dead are lost": state("estate", (real, _, given) => {
    const estate = real(...given);
    return estate === FENCED ? estate : { ...estate, inherited: [] };
  }),
  "what the dead write is kept": state(
    "commit",
    (real, self, [node, number, writes]) =>
      self.isAlive(node) ? real(node, number, writes) : real(self.living()[0], fresh++, writes),
  ),
  "a batch whose answer got lost is done twice": state(
    "commit",
    (real, _, [node, , writes]) => real(node, fresh++, writes),
  ),
  "a session is given to whoever claims it": state("claim", (real, self, given) => {
    const answer = real(...given);
    if (answer !== "owned") return answer;
    self.claims.set(given[1], given[0]);
    return real(...given);
  }),
  "who claims a session is not told of the last number": state("claim", (real, _, given) => {
    const answer = real(...given);
    return typeof answer === "string" ? answer : { ...answer, highest: 0 };
  }),
  "mail that was read with a session comes again": state("claim", (real, _, given) => {
    const answer = real(...given);
    return typeof answer === "string" ? answer : { ...answer, inbox: 0 };
  }),
  "a session is read without what waits for it": state("claim", (real, _, given) => {
    const answer = real(...given);
    if (typeof answer === "string") return answer;
    return { ...answer, stored: { ...answer.stored, queued: [], orders: [], sizes: [] } };
  }),
  "what is inflight is not read": state("claim", (real, _, given) => {
    const answer = real(...given);
    return typeof answer === "string"
      ? answer
      : { ...answer, stored: { ...answer.stored, inflight: [] } };
  }),
};
