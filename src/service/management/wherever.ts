/**
 * A command about one session, on whichever node that is: the node that has it performs it. A session that
 * nobody has is the business of the node that was asked. Pure.
 */

import type { NodeAnswer } from "../service.ts";
import type { At, Command, Result } from "./command.ts";
import { isRefused, refuse } from "./command.ts";
import { noSession } from "./find_client.ts";
import type { Asked } from "./other_nodes.ts";
import { andThen, asking, noAnswer, othersOf } from "./other_nodes.ts";

/**
 * The command in a cluster.
 *
 * @param command about the session of `clientId`
 * @param otherwise what to say where the node that has the session does not answer; absent: that
 */
export function wherever(command: Command, otherwise?: Command["run"]): Command {
  return {
    ...command,
    run(input, at) {
      const { clientId } = input as { readonly clientId: string };
      const { view: { broker }, request } = at;
      const client = broker.clients.get(clientId);
      if (request.passedOn !== undefined && client?.here !== true) return noSession(clientId);
      const others = othersOf(at);
      if (others.length === 0 || client?.here === true) return command.run(input, at);
      if (client !== undefined && client.at === undefined) return command.run(input, at);
      const nodes = client?.at === undefined ? others : others.filter((node) => node === client.at);
      return asking(input as Record<string, unknown>, at, nodes, (asked, later) => {
        const found = chosen(asked.answers);
        if (found !== undefined) return found;
        if (asked.unanswered.length === 0) return changed(command, input, later, clientId);
        const { unanswered } = asked;
        if (otherwise === undefined || client === undefined) {
          return noAnswer(client === undefined ? "who may have it" : "who has it", unanswered);
        }
        return andThen(
          otherwise(input, later),
          later,
          (result) =>
            isRefused(result) ? result : { ...result, data: { ...result.data, unanswered } },
        );
      });
    },
  };
}

/** The answer of the node that has the session; undefined: none has. */
function chosen(answers: readonly NodeAnswer[]): Result | undefined {
  for (const answer of answers) {
    if ("data" in answer) return { data: { ...answer.data, node: answer.node } };
  }
  for (const answer of answers) {
    if ("refused" in answer && answer.refused.reason !== "notFound") return answer.refused;
  }
  return undefined;
}

/** Nobody has it any more: it may have come to this node, or ended, or be nobody's. */
function changed(command: Command, input: unknown, at: At, clientId: string): Result {
  const client = at.view.broker.clients.get(clientId);
  if (client === undefined || client.here || client.at === undefined) return command.run(input, at);
  return refuse("conflict", "the session goes from one node to another: ask again");
}

/** A command that makes a session refuses where another node has one that is not stored. */
export function unlessElsewhere(command: Command): Command {
  return {
    ...command,
    run(input, at) {
      const { clientId } = input as { readonly clientId: string };
      const { view: { broker }, request } = at;
      if (request.passedOn !== undefined) {
        return broker.clients.has(clientId) ? { data: {} } : noSession(clientId);
      }
      const others = othersOf(at);
      const first = command.run(input, at);
      if (others.length === 0 || isRefused(first)) return first;
      return asking(
        input as Record<string, unknown>,
        at,
        others,
        ({ answers, unanswered }: Asked, later) => {
          const has = answers.find((answer) => "data" in answer);
          if (has !== undefined) {
            const who = JSON.stringify(clientId);
            return refuse("conflict", `the client ${who} has a session already: on ${has.node}`);
          }
          if (unanswered.length > 0) return noAnswer("who may have such a session", unanswered);
          return command.run(input, later);
        },
      );
    },
  };
}
