/**
 * The rules of access, compiled: the first rule that matches decides, and where there is any rule and
 * none matches, the answer is no.
 *
 * A named mutable island, but only a memory: what it answers depends on its rules and the question
 * alone. Of all rules those that may be about a client are selected once for each identity; clients with
 * the same selection share a tree of Topic Filters, whose answers are kept by Topic Name. Other rules make
 * another list, so nothing in it ever has to be forgotten.
 *
 * SUBSCRIBE is decided by the first rule that covers the whole filter asked for; a `deny` that covers a
 * part of it is no reason to refuse. That part is withheld message by message: a rule about subscribe is
 * about receive too, and receive is asked for every message. MQTT 5.0 section 5.4.2.
 *
 * Rules that a client brought with its proof stand in front of these, for it alone: own_rules.ts.
 */

import type { QoS } from "../packet/packet.ts";
import { covers } from "../topic/covers.ts";
import { reaches } from "../topic/rest_matches.ts";
import type { AccessRule, Action } from "./access_rule.ts";
import type { CompiledRule, Decision } from "./compiled_rule.ts";
import { compileRule } from "./compiled_rule.ts";
import type { Identity } from "./identity.ts";
import type { OwnRules } from "./own_rules.ts";
import { aboutFilter, aboutTopic, ownRulesOf } from "./own_rules.ts";
import type { Candidates, Selection } from "./selection.ts";
import { selectionOf } from "./selection.ts";
import { expand } from "./topic_pattern.ts";

/** Selections that clients to come may share; beyond it new ones are made for the same rules. */
const MOST_SHARED = 1_024;

/** Topic Names whose answers are kept, about, in all selections together; and the least in each. */
const KEPT_TOPICS = 65_536;
const LEAST_KEPT = 64;
const MOST_KEPT = 8_192;

const NO_MATCH: Decision = {
  permitted: false,
  rule: "no rule of access matches, which denies",
  at: -1,
};
const NOT_ASKED: Decision = {
  permitted: true,
  rule: "no rule of access is about connect",
  at: -1,
};

/** A selection as it is for one client. */
interface Grants {
  readonly identity: Identity;
  readonly selection: Selection;
  /** Those that it brought; undefined where it brought none. */
  readonly own: OwnRules | undefined;
  /** In the order of `selection.patterns`, each when it is first needed. */
  readonly expanded: (readonly string[] | undefined)[];
  /** What it last published to, and what may decide about that. */
  lastTopic: string;
  lastCandidates: Candidates;
  /** The decision about it where that is the same for every message. */
  lastSure: Decision | undefined;
}

/** What clients without anything expanded have of it: one object for all of them. */
const NOTHING_EXPANDED: (readonly string[] | undefined)[] = [];

export class AccessList {
  /** As written. */
  readonly rules: readonly AccessRule[];
  /** How many of them come from management. */
  readonly ahead: number;
  readonly isEmpty: boolean;
  readonly #compiled: readonly CompiledRule[];
  /** Those about connect. */
  readonly #connecting: readonly CompiledRule[];
  readonly #selections = new Map<string, Selection>();
  readonly #grants = new WeakMap<Identity, Grants>();
  /** Whom the last question was about: a client publishes several messages in a row. */
  #lastIdentity: Identity | undefined;
  #lastGrants: Grants | undefined;

  /**
   * @param rules good ones: see access_problem.ts
   * @param ahead how many of them come from management and stand before those of the configuration, which
   *   are called as they are there
   */
  constructor(rules: readonly AccessRule[], ahead = 0) {
    this.rules = rules;
    this.ahead = ahead;
    this.isEmpty = rules.length === 0;
    this.#compiled = rules.map((rule, at) => compileRule(rule, at, ahead));
    this.#connecting = this.#compiled.filter((rule) => rule.connect);
  }

  /**
   * The first rule that is about that; there is at least one rule, here or the client's own.
   *
   * @param topic a good Topic Name; for subscribe a good filter, without `$share/{ShareName}/`; for
   *   connect anything
   * @param qos of the PUBLISH from the client or to it, or the one asked for in SUBSCRIBE
   */
  decide(
    identity: Identity,
    action: Action,
    topic: string,
    qos: QoS,
    retain: boolean,
  ): Decision {
    if (action === "connect") return this.#connect(identity);
    const grants = identity === this.#lastIdentity ? this.#lastGrants! : this.#grantsOf(identity);
    switch (action) {
      case "publish":
        if (grants.lastTopic !== topic) lookUp(grants, topic);
        return grants.lastSure ?? firstOf(grants, grants.lastCandidates, topic, qos, retain, false);
      case "receive":
        return firstOf(grants, receivable(grants, topic), topic, qos, retain, true);
      case "subscribe":
        return firstCovering(grants, topic, qos);
    }
  }

  /**
   * Whether the client may receive messages of that topic: all, none, or some, which depends on their QoS
   * and RETAIN flag.
   */
  receives(identity: Identity, topic: string): "all" | "none" | "some" {
    const grants = this.#grantsOf(identity);
    const candidates = receivable(grants, topic);
    let depends = false;
    for (const { rule, slot, literal } of candidates) {
      if (slot !== -1 && !someReach(textsOf(grants, slot), literal, topic)) continue;
      if (rule.receiveConditional) depends = true;
      else if (!depends) return rule.decision.permitted ? "all" : "none";
      else return "some";
    }
    return depends ? "some" : "none";
  }

  /** Whether the rules are the same for both, so that what is kept of one's answers holds for the other. */
  sameFor(one: Identity, other: Identity): boolean {
    if (one === other || isSame(one, other)) return true;
    if (JSON.stringify(one.rules) !== JSON.stringify(other.rules)) return false;
    if (one.rules !== undefined && one.rules.length > 0) return false; // they may name what differs
    if (this.isEmpty) return true;
    const a = this.#grantsOf(one), b = this.#grantsOf(other);
    return a.selection === b.selection &&
      a.selection.patterns.every((_, slot) => isSame(textsOf(a, slot), textsOf(b, slot)));
  }

  /** Needs no tree: a change of rules asks about every client at once. */
  #connect(identity: Identity): Decision {
    const own = ownRulesOf(identity);
    for (const rule of own?.rules ?? []) if (rule.connect) return rule.decision;
    for (const rule of this.#connecting) {
      if (rule.who === undefined || rule.who(identity)) return rule.decision;
    }
    return this.#connecting.length > 0 || own?.judgesConnect ? NO_MATCH : NOT_ASKED;
  }

  #grantsOf(identity: Identity): Grants {
    let grants = this.#grants.get(identity);
    if (grants === undefined) {
      const selection = this.#selectionFor(identity);
      const expanded = selection.patterns.length === 0
        ? NOTHING_EXPANDED
        : new Array<readonly string[] | undefined>(selection.patterns.length).fill(undefined);
      grants = {
        identity,
        selection,
        own: ownRulesOf(identity),
        expanded,
        lastTopic: "",
        lastCandidates: [],
        lastSure: undefined,
      };
      this.#grants.set(identity, grants);
    }
    this.#lastIdentity = identity;
    this.#lastGrants = grants;
    return grants;
  }

  #selectionFor(identity: Identity): Selection {
    const rules: CompiledRule[] = [];
    let key = ""; // the places of the rules, each a UTF-16 unit
    for (const rule of this.#compiled) {
      if (rule.who !== undefined && !rule.who(identity)) continue;
      rules.push(rule);
      key += String.fromCharCode(rule.at);
    }
    const known = this.#selections.get(key);
    if (known !== undefined) return known;
    if (this.#selections.size >= MOST_SHARED) this.#selections.clear(); // who has one keeps it
    const kept = Math.floor(KEPT_TOPICS / (this.#selections.size + 1));
    const selection = selectionOf(rules, Math.min(MOST_KEPT, Math.max(LEAST_KEPT, kept)));
    this.#selections.set(key, selection);
    return selection;
  }
}

/** Finds what may decide about a PUBLISH to that topic. */
function lookUp(grants: Grants, topic: string): void {
  const { own, selection } = grants;
  const shared = selection.publish.match(topic);
  const candidates = own === undefined ? shared : [...aboutTopic(own, "publish", topic), ...shared];
  const [first] = candidates;
  grants.lastTopic = topic;
  grants.lastCandidates = candidates;
  grants.lastSure = first === undefined
    ? NO_MATCH
    : first.slot === -1 && !first.rule.conditional
    ? first.rule.decision
    : undefined;
}

/** What may decide about a message of that topic to the client. */
function receivable({ own, selection }: Grants, topic: string): Candidates {
  const shared = selection.receive.match(topic);
  return own === undefined ? shared : [...aboutTopic(own, "receive", topic), ...shared];
}

/** @param received a message to the client: what a rule asks of those from it is no matter then */
function firstOf(
  grants: Grants,
  candidates: Candidates,
  topic: string,
  qos: QoS,
  retain: boolean,
  received: boolean,
): Decision {
  for (let i = 0; i < candidates.length; i++) {
    const { rule, slot, literal } = candidates[i]!;
    const conditional = received ? rule.receiveConditional : rule.conditional;
    if (conditional && !isAbout(rule, qos, retain)) continue;
    if (slot === -1 || someReach(textsOf(grants, slot), literal, topic)) return rule.decision;
  }
  return NO_MATCH;
}

function isAbout(rule: CompiledRule, qos: QoS, retain: boolean): boolean {
  return (rule.qosMask & 1 << qos) !== 0 && (rule.retain === undefined || rule.retain === retain);
}

function someReach(texts: readonly string[], literal: boolean, topic: string): boolean {
  for (let i = 0; i < texts.length; i++) {
    if (literal ? texts[i] === topic : reaches(texts[i]!, topic)) return true;
  }
  return false;
}

function firstCovering(grants: Grants, filter: string, qos: QoS): Decision {
  if (grants.own !== undefined) {
    for (const { rule } of aboutFilter(grants.own, filter)) {
      if ((rule.qosMask & 1 << qos) !== 0) return rule.decision;
    }
  }
  const candidates = grants.selection.subscribe.match(filter);
  for (let i = 0; i < candidates.length; i++) {
    const { rule, slot, literal, text } = candidates[i]!;
    if ((rule.qosMask & 1 << qos) === 0) continue;
    const covered = text === undefined ||
      (slot === -1
        ? isCovered(text, literal, filter)
        : textsOf(grants, slot).some((each) => isCovered(each, literal, filter)));
    if (covered) return rule.decision;
  }
  return NO_MATCH;
}

function isCovered(text: string, literal: boolean, filter: string): boolean {
  return literal ? text === filter : covers(text, filter);
}

/** What the pattern comes to for the client. */
function textsOf({ identity, selection, expanded }: Grants, slot: number): readonly string[] {
  return expanded[slot] ??= expand(selection.patterns[slot]!, identity);
}

/** Whether two identities, or two lists of texts, are the same; that they are not may be wrong. */
function isSame(a: Identity | readonly string[], b: Identity | readonly string[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
