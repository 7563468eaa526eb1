/**
 * The lines of a Mosquitto acl_file as rules of access. Pure.
 *
 * Mosquitto looks at the lines of the user (or of anonymous clients) first and at patterns then, in each of the
 * two at `deny` first; what none is about is denied. Every SUBSCRIBE is granted there, and each message is
 * checked when it is sent. So what it calls `read` is `receive` here. Patterns are nothing to clients whose name
 * or identifier contains + or #; here a substituted value with / in it is about no topic either, which for a
 * `deny` would be too little and is made up for.
 */

import type { AccessRule, Action, Who } from "../policy/access_rule.ts";
import { parseTopicFilter } from "../topic/topic_filter.ts";
import type { AclLine } from "./mosquitto_acl.ts";
import type { Note } from "./mosquitto_note.ts";
import { placeOf } from "./mosquitto_source.ts";

/** Clients that patterns are nothing to. */
const UNSAFE: Who = {
  or: [{ user: ["*+*", "*#*"] }, { clientId: ["*+*", "*#*"] }],
};
/** Clients whose name fills more than one level, or is nothing to put in front. */
const ODD: Who = { or: [{ user: ["*/*", "$*"] }, { clientId: ["*/*", "$*"] }] };

const MESSAGES: readonly Action[] = ["publish", "receive"];

export interface AccessOptions {
  /** The name of the listener that it is for; absent: for all. */
  readonly listener?: string | undefined;
  /** The user name is the client identifier, too. */
  readonly usernameIsClientId: boolean;
}

/** The rules that an acl_file comes to. */
export function accessOf(
  lines: readonly AclLine[],
  { listener, usernameIsClientId }: AccessOptions,
  notes: Note[],
): AccessRule[] {
  const own: AclLine[] = [], patterns: AclLine[] = [];
  for (const line of lines) (line.about === "pattern" ? patterns : own).push(line);
  const rule = (rule: Omit<AccessRule, "who">, who?: Who): AccessRule => {
    const whole: Who = { ...who, ...(listener === undefined ? {} : { listener }) };
    return Object.keys(whole).length === 0 ? rule : { ...rule, who: whole };
  };
  const rulesOf = (line: AclLine): AccessRule[] => {
    const deny = line.access === "deny";
    const said = sayable(line, usernameIsClientId, notes);
    if (said === undefined) return [];
    const { topics, who, wider } = said;
    const whole = {
      name: `${line.file.split("/").at(-1)!.slice(0, 50)}:${line.line}`,
      permission: deny ? "deny" : "allow",
      action: deny ? MESSAGES : ACTIONS[line.access],
    } as const;
    const rules = [rule(withTopics(whole, topics), who)];
    if (deny && wider !== undefined) rules.push(rule(withTopics(whole, wider), ODD));
    return rules;
  };
  return [
    ...denyFirst(own).flatMap(rulesOf),
    ...(patterns.length === 0
      ? []
      : [rule({ name: "unsafe names", permission: "deny", action: MESSAGES }, UNSAFE)]),
    ...denyFirst(patterns).flatMap(rulesOf),
    rule({ name: "acl_file: the rest", permission: "deny", action: MESSAGES }),
    rule({ name: "acl_file: subscriptions", permission: "allow", action: "subscribe" }),
  ];
}

function withTopics(rule: AccessRule, topics: readonly string[] | "all"): AccessRule {
  return topics === "all" ? rule : { ...rule, topics };
}

const ACTIONS = { read: "receive", write: "publish", readwrite: MESSAGES } as const;

/** Those of different users are never about the same client, so that one order is right for all. */
function denyFirst(lines: readonly AclLine[]): readonly AclLine[] {
  const isDeny = ({ access }: AclLine) => access === "deny";
  return [...lines.filter(isDeny), ...lines.filter((line) => !isDeny(line))];
}

interface Said {
  readonly topics: readonly string[] | "all";
  readonly who: Who | undefined;
  /** What covers it for clients that are `ODD`; undefined where it is the same for them. */
  readonly wider: readonly string[] | "all" | undefined;
}

/** The line in words of ours; undefined where there are none and it is left out. */
function sayable(line: AclLine, usernameIsClientId: boolean, notes: Note[]): Said | undefined {
  const { about, access, topic } = line;
  const deny = access === "deny";
  const note = (kind: Note["kind"], text: string) => {
    notes.push({
      ...placeOf(line),
      kind,
      directive: about === "pattern" ? "pattern" : "topic",
      text,
    });
  };
  if (topic.startsWith("$share/")) {
    const parsed = parseTopicFilter(topic, Infinity);
    if (typeof parsed !== "string" && parsed.shareName !== undefined) {
      note("lost", "no topic of a message begins with $share: it is about nothing");
      return undefined;
    }
  }
  if (!deny && (topic === "$CONTROL" || topic.startsWith("$CONTROL/"))) {
    note("stricter", 'left out: who may manage dunlin is said in "administrators"');
    return undefined;
  }
  let who: Who | undefined;
  if (about === "anonymous") who = { not: { user: "*" } };
  else if (about !== "pattern") {
    if (about.user.includes("*") && !deny) {
      note("stricter", `left out: in a rule of access the * of user ${about.user} is any text`);
      return undefined;
    }
    who = { user: about.user };
  }
  if (topic.includes("${") || topic.startsWith("=") && /[+#]/.test(topic)) {
    if (!deny) {
      note(
        "stricter",
        "left out: ${ and a = at the front have another meaning in a rule of access",
      );
      return undefined;
    }
    note(
      "stricter",
      "denies every topic: ${ and a = at the front have another meaning in a rule of access",
    );
    return { topics: "all", who, wider: undefined };
  }
  // The text of a literal is compared letter by letter: it is the only way to say a = at the front.
  const literal = topic.startsWith("=") ? `=${topic}` : topic;
  if (about !== "pattern" || !/%[cu]/.test(topic)) {
    return { topics: [literal], who, wider: undefined };
  }
  const before = topic.slice(0, topic.search(/%[cu]/));
  const slash = before.lastIndexOf("/");
  const wider = slash < 0 ? "all" as const : [`${before.slice(0, slash)}/#`];
  const client = usernameIsClientId ? "${username}" : "${clientid}";
  const topics = [literal.replaceAll("%c", client).replaceAll("%u", "${username}")];
  return { topics, who, wider };
}
