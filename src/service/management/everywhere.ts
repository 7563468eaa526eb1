/**
 * Commands that every node of a cluster answers for itself, and one reply made of all of it: lists in pages, and
 * what each node says of itself. `unanswered` in the reply names the nodes of which it may miss something. Pure.
 */

import type { NodeAnswer } from "../service.ts";
import type { At, Command, Result } from "./command.ts";
import { isRefused } from "./command.ts";
import { andThen, answerRow, asking, othersOf } from "./other_nodes.ts";

type Data = Readonly<Record<string, unknown>>;
type Row = Readonly<Record<string, unknown>>;

/**
 * The command, asked everywhere.
 *
 * @param merged the data of the reply, made of this node's own and the answers of others
 */
export function everywhere(
  command: Command,
  merged: (own: Data, answers: readonly NodeAnswer[], at: At, input: Data) => Data,
): Command {
  return {
    ...command,
    run(input, at) {
      const others = othersOf(at);
      if (others.length === 0) return command.run(input, at);
      const given = input as Data;
      return asking(given, at, others, ({ answers, unanswered }, later): Result => {
        const answered = new Set(
          answers.filter((answer) => "data" in answer).map(({ node }) => node),
        );
        const silent = [
          ...unanswered,
          ...answers.filter((answer) => "refused" in answer).map(({ node }) => node),
        ];
        const own = command.run(input, { ...later, answered });
        return andThen(own, later, (result, last) => {
          if (isRefused(result)) return result;
          const data = merged(result.data, answers, last, given);
          return { ...result, data: { ...data, unanswered: silent } };
        });
      });
    },
  };
}

/**
 * A list in pages: the first rows of all, by their keys. What two nodes list is told as the one has it that was
 * asked about its own.
 *
 * @param list its name in the data
 * @param both what two rows of one key are told as
 */
export function pagesEverywhere(
  command: Command,
  list: string,
  keyOf: (row: never) => string,
  both: (one: never, other: never) => Row = (_, other) => other,
): Command {
  const key = keyOf as (row: Row) => string;
  const merge = both as (one: Row, other: Row) => Row;
  return everywhere(command, (own, answers, at, input) => {
    const rows = new Map<string, Row>();
    let end: string | undefined;
    for (const data of [own, ...answers.flatMap((each) => "data" in each ? [each.data] : [])]) {
      for (const row of data[list] as readonly Row[]) {
        const known = rows.get(key(row));
        rows.set(key(row), known === undefined ? row : merge(known, row));
      }
      const next = data["next"] as string | null;
      if (next !== null && (end === undefined || next < end)) end = next; // behind it some are missing
    }
    const { managementPage } = at.view.broker.rules.limits;
    const most = Math.min(input["limit"] as number, managementPage);
    const keys = [...rows.keys()].filter((each) => end === undefined || each <= end).sort(byUnits);
    const page = keys.slice(0, most);
    const more = end !== undefined || keys.length > page.length;
    return {
      ...own,
      [list]: page.map((each) => rows.get(each)!),
      next: more ? page.at(-1) ?? null : null,
    };
  });
}

function byUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** A list without pages: the rows of all nodes, one behind the other. */
export function rowsEverywhere(command: Command, list: string): Command {
  return everywhere(command, (own, answers) => ({
    ...own,
    [list]: [own, ...answers.flatMap((each) => "data" in each ? [each.data] : [])]
      .flatMap((data) => data[list] as readonly Row[]),
  }));
}

/** What this node says of itself, and under `nodes` what each of the others does. */
export function eachNode(command: Command): Command {
  return everywhere(command, (own, answers) => ({ ...own, nodes: answers.map(answerRow) }));
}
