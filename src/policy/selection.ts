/**
 * The rules of access that may be about a client, with their topics in trees: what clients of whom the same
 * rules speak share. It decides nothing; access_list.ts does.
 */

import { FilterTree } from "../topic/filter_tree.ts";
import { hasWildcard, parseTopicFilter } from "../topic/topic_filter.ts";
import type { Candidate, CompiledRule } from "./compiled_rule.ts";
import { candidatesOf, indexFilter } from "./compiled_rule.ts";
import type { TopicPattern } from "./topic_pattern.ts";
import { filled } from "./topic_pattern.ts";

/** What the plan of a topic is: the rules that may decide, the first of them first. */
export type Candidates = readonly Candidate[];

/** The rules that may be about a client, shared by all whom the same rules may be about. */
export interface Selection {
  readonly rules: readonly CompiledRule[];
  readonly publish: FilterTree<Candidate, Candidates>;
  readonly receive: FilterTree<Candidate, Candidates>;
  /** Asked as if filters were names: what covers a filter is among what matches it then. */
  readonly subscribe: FilterTree<Candidate, Candidates>;
  /** With `${…}`: what they come to is another thing for each client. */
  readonly patterns: readonly TopicPattern[];
}

/**
 * The rules as a selection.
 *
 * @param kept Topic Names whose candidates are kept in each tree, about
 */
export function selectionOf(rules: readonly CompiledRule[], kept: number): Selection {
  const patterns: TopicPattern[] = [];
  const all = rules.flatMap((rule) => candidatesOf(rule, patterns));
  return {
    rules,
    publish: treeOf(all.filter(({ rule }) => rule.publish), uptoPublishable, isNoFilter, kept),
    receive: treeOf(all.filter(({ rule }) => rule.receive), uptoReceivable, isNoFilter, kept),
    subscribe: treeOf(all.filter(({ rule }) => rule.subscribe), inOrder, isGoodFilter, kept),
    patterns,
  };
}

/**
 * Candidates by what they may be about; those of every topic apart.
 *
 * @param ordered what is made of all that are found
 * @param askable whether a text that is compared letter by letter can be asked about at all
 */
function treeOf(
  candidates: Candidates,
  ordered: (found: Candidates) => Candidates,
  askable: (text: string) => boolean,
  kept: number,
): FilterTree<Candidate, Candidates> {
  const everywhere: Candidate[] = [];
  const tree = new FilterTree<Candidate, Candidates>(
    (_topic, found) => ordered(everywhere.length === 0 ? found : [...found, ...everywhere]),
    kept,
  );
  for (const [at, candidate] of candidates.entries()) {
    if (candidate.literal && !askable(filled(candidate.text!, "x"))) continue;
    const filter = indexFilter(candidate);
    if (filter === undefined) everywhere.push(candidate);
    else tree.add(filter, String(at), candidate);
  }
  return tree;
}

function isNoFilter(text: string): boolean {
  return !hasWildcard(text);
}

function isGoodFilter(text: string): boolean {
  return typeof parseTopicFilter(text, Infinity) !== "string";
}

/** By their places in the list. */
function inOrder(found: Candidates): Candidates {
  return [...found].sort((a, b) => a.rule.at - b.rule.at);
}

/** The same, up to the first that decides whatever the message is. */
function uptoPublishable(found: Candidates): Candidates {
  return upto(inOrder(found), ({ rule, slot }) => slot === -1 && !rule.conditional);
}

function uptoReceivable(found: Candidates): Candidates {
  return upto(inOrder(found), ({ rule, slot }) => slot === -1 && !rule.receiveConditional);
}

function upto(sorted: Candidates, isSure: (candidate: Candidate) => boolean): Candidates {
  const sure = sorted.findIndex(isSure);
  return sure === -1 ? sorted : sorted.slice(0, sure + 1);
}
