/**
 * A command that is about one node: the one that is asked, another one by its name, or all of them. Pure.
 */

import * as z from "zod";
import type { NodeId } from "../../policy/identity.ts";
import type { Refused } from "../service.ts";
import type { At, Command } from "./command.ts";
import { isRefused, refuse } from "./command.ts";
import { andThen, answerRow, asking, noAnswer, othersOf } from "./other_nodes.ts";

const node = z.string().min(1).max(1_000).optional().describe(
  "In a cluster: the node that does it, by its name or identifier, or * for all. Default: the one that is asked.",
);

/** The command, with `node` in its input. */
export function onNode(command: Command): Command {
  return {
    ...command,
    input: command.input.extend({ node }),
    run(given, at) {
      const { node: wanted, ...input } = given as { readonly node?: string };
      if (wanted === undefined) return command.run(input, at);
      const nodes = nodesCalled(wanted, at);
      if (isRefused(nodes)) return nodes;
      const { cluster } = at.view.broker;
      if (cluster === undefined) return command.run(input, at);
      const others = othersOf(at).filter((each) => nodes.includes(each));
      if (wanted !== "*") {
        const [other] = others;
        if (other === undefined) return command.run(input, at);
        return asking(input, at, others, ({ answers: [answer], unanswered }) => {
          if (answer === undefined) return noAnswer("the node", unanswered);
          if ("refused" in answer) return answer.refused;
          return { data: { ...answer.data, node: other } };
        });
      }
      return asking(
        input,
        at,
        others,
        ({ answers, unanswered }, later) =>
          andThen(command.run(input, later), later, (own) => {
            const mine = isRefused(own)
              ? { node: cluster.node, refused: own }
              : { node: cluster.node, data: own.data };
            const { data: _, ...rest } = isRefused(own) ? { data: {} } : own;
            return { ...rest, data: { nodes: [mine, ...answers].map(answerRow), unanswered } };
          }),
      );
    },
  };
}

/** The nodes that are meant: one, or all for `*`. */
function nodesCalled(
  wanted: string,
  { view: { broker: { cluster } } }: At,
): Refused | readonly NodeId[] {
  if (cluster === undefined) {
    if (wanted === "*") return [];
    return refuse("notFound", `there is no node ${JSON.stringify(wanted)}: it is no cluster`);
  }
  const { nodes } = cluster;
  if (wanted === "*") return nodes;
  const found = nodes.filter((each) => each === wanted || nameOf(each) === wanted);
  if (found.length > 0) return found.slice(-1);
  return refuse("notFound", `there is no node ${JSON.stringify(wanted)}, but ${nodes.join(", ")}`);
}

/** As its configuration calls it: the identifier has a dot and its number behind that. */
export function nameOf(node: NodeId): string {
  const dot = node.lastIndexOf(".");
  return dot === -1 ? node : node.slice(0, dot);
}
