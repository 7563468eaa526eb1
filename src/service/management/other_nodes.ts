/**
 * How a command asks the other nodes of the cluster: the same command with the same input, which each of them
 * answers for itself alone. Where there are no others, nothing is asked. Pure.
 *
 * Whether it may be asked is decided once, on the node that was asked.
 */

import type { NodeId } from "../../policy/identity.ts";
import type { NodeAnswer, Refused } from "../service.ts";
import type { At, Result } from "./command.ts";
import { isRefused, refuse } from "./command.ts";

type Input = Readonly<Record<string, unknown>>;

/** What became of asking them. */
export interface Asked {
  readonly answers: readonly NodeAnswer[];
  readonly unanswered: readonly NodeId[];
}

/** The other nodes; none where this one was asked by one of them, or where it is the only one. */
export function othersOf({ view: { broker: { cluster } }, request }: At): readonly NodeId[] {
  if (cluster === undefined || request.passedOn !== undefined) return [];
  return cluster.nodes.filter((node) => node !== cluster.node);
}

/** Asks these nodes. */
export function asking(
  input: Input,
  at: At,
  nodes: readonly NodeId[],
  then: (asked: Asked, at: At) => Result,
): Result {
  const { request, dryRun } = at;
  const payload = UTF8.encode(JSON.stringify(dryRun ? { ...input, dryRun } : input));
  return {
    task: {
      type: "askNodes",
      nodes,
      request: { ...request, payload, sender: undefined },
    },
    then(result, at) {
      if (result.type === "answers") return then(result, at);
      return refuse("failed", "the other nodes were not asked");
    },
  };
}

const UTF8 = new TextEncoder();

/** The result with its end changed, now or when what takes time is done. */
export function andThen(
  result: Result,
  at: At,
  end: (result: Exclude<Result, { readonly task: unknown }>, at: At) => Result,
): Result {
  if (isRefused(result) || !("task" in result)) return end(result, at);
  return {
    task: result.task,
    then: (outcome, later) => andThen(result.then(outcome, later), later, end),
  };
}

/** A node and what it says, in a row of a reply. */
export function answerRow(answer: NodeAnswer) {
  const { node } = answer;
  return "refused" in answer
    ? { node, ok: false, error: answer.refused }
    : { node, ok: true, ...answer.data };
}

/** Nobody can say it: these have not answered. */
export function noAnswer(what: string, nodes: readonly NodeId[]): Refused {
  return refuse("failed", `${what} has not answered: ${nodes.join(", ")}`);
}
