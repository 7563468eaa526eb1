/**
 * Rules of access that a client brings, in a claim of a token or in another server's answer: whether they may be
 * taken, and as what. Each is written as in `access` of the configuration, or as EMQX writes one in `acl`, with
 * `topic` in place of `topics`. Pure.
 *
 * What is not understood is never passed over: a rule that was meant to deny would be missing.
 */

import type { QoS } from "../packet/packet.ts";
import { ruleProblems } from "./access_problem.ts";
import type { AccessRule, Patterns, Who } from "./access_rule.ts";
import { CERTIFICATE_FIELDS } from "./access_rule.ts";

/** They stay with the session as long as it lasts. */
export const MOST_OWN_RULES = 100;
/** UTF-16 units of all of them as JSON. */
export const LONGEST_OWN_RULES = 16_384;
const DEEPEST_WHO = 8;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The rules in a value of JSON; or, in words, what is wrong with it. What it returns it takes again.
 *
 * @param name of the claim or key, for the words
 */
export function rulesInJson(value: unknown, name: string): readonly AccessRule[] | string {
  if (!Array.isArray(value)) return `${name} is no list of rules of access`;
  const rules: AccessRule[] = [];
  for (const [at, each] of value.entries()) {
    const read = isObject(each) ? readRule(each) : "is no object";
    if (typeof read === "string") return `${name}[${at}] ${read}`;
    for (const rule of read) {
      const [problem] = ruleProblems(rule);
      if (problem !== undefined) {
        return `${name}[${at}]${problem.key} has to be ${problem.expected}`;
      }
      rules.push(rule);
    }
    if (rules.length > MOST_OWN_RULES) return `${name} has more than ${MOST_OWN_RULES} rules`;
  }
  if (JSON.stringify(rules).length > LONGEST_OWN_RULES) {
    return `${name} has more than ${LONGEST_OWN_RULES} characters`;
  }
  return rules;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readRule(fields: Fields): readonly AccessRule[] | string {
  return "topic" in fields ? readEmqxRule(fields) : readOurRule(fields);
}

const OUR_KEYS = ["name", "permission", "who", "action", "qos", "retain", "topics"];

function readOurRule(fields: Fields): readonly AccessRule[] | string {
  const { name, permission, who, action, qos, retain, topics } = fields;
  const unknown = unknownKey(fields, OUR_KEYS);
  if (unknown !== undefined) return unknown;
  if (name !== undefined && (!isText(name) || name.length > 64)) {
    return "has a name that is no text of at most 64 characters";
  }
  if (!isPermission(permission)) return NO_PERMISSION;
  if (action !== undefined && !isOneOrSeveral(action, isAction)) {
    return "has an action that is not connect, publish, subscribe or receive";
  }
  if (qos !== undefined && !isOneOrSeveral(qos, isQoS)) return NO_QOS;
  if (retain !== undefined && typeof retain !== "boolean") return "has a retain that is no boolean";
  if (topics !== undefined && !isOneOrSeveral(topics, isText)) {
    return "has topics that are no texts";
  }
  if (who !== undefined && !isWho(who, DEEPEST_WHO)) return 'has a "who" that is not understood';
  return [{ ...fields, permission }];
}

const EMQX_KEYS = ["permission", "action", "topic", "qos", "retain"];

/** `all` is publish and subscribe, RETAIN is a matter of publish alone, `eq ` stands for our `=`. */
function readEmqxRule(fields: Fields): readonly AccessRule[] | string {
  const { permission, action, topic, qos, retain } = fields;
  const unknown = unknownKey(fields, EMQX_KEYS);
  if (unknown !== undefined) return unknown;
  if (!isPermission(permission)) return NO_PERMISSION;
  if (action !== "publish" && action !== "subscribe" && action !== "all") {
    return "has an action that is not publish, subscribe or all";
  }
  if (!isText(topic)) return "has a topic that is no text";
  if (qos !== undefined && !isOneOrSeveral(qos, isQoS)) return NO_QOS;
  if (retain !== undefined && typeof retain !== "boolean" && retain !== "all") {
    return "has a retain that is not true, false or all";
  }
  const topics = topic.startsWith("eq ") ? `=${topic.slice("eq ".length)}` : topic;
  if (topics === topic && topic.startsWith("=")) return "has a topic that begins with =";
  const rules: AccessRule[] = [];
  if (action !== "subscribe") {
    const flag = retain === "all" ? undefined : retain;
    rules.push({ permission, action: "publish", qos, retain: flag, topics });
  }
  if (action !== "publish") rules.push({ permission, action: "subscribe", qos, topics });
  return rules;
}

const NO_PERMISSION = "has a permission that is not allow or deny";
const NO_QOS = "has a qos that is not 0, 1 or 2, or a list of them";

function unknownKey(fields: Fields, known: readonly string[]): string | undefined {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown === undefined) return undefined;
  return `has the key ${JSON.stringify(unknown.slice(0, 64))}, which is none of ${
    known.join(", ")
  }`;
}

function isPermission(value: unknown): value is AccessRule["permission"] {
  return value === "allow" || value === "deny";
}

type OneAction = Exclude<NonNullable<AccessRule["action"]>, readonly unknown[]>;

function isAction(value: unknown): value is OneAction {
  return value === "connect" || value === "publish" || value === "subscribe" || value === "receive";
}

function isQoS(value: unknown): value is QoS {
  return value === 0 || value === 1 || value === 2;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** The value itself, or a list that is not empty. */
function isOneOrSeveral<Value>(
  value: unknown,
  is: (one: unknown) => one is Value,
): value is Value | readonly Value[] {
  return Array.isArray(value) ? value.length > 0 && value.every(is) : is(value);
}

function isWho(value: unknown, depth: number): value is Who {
  if (!isObject(value) || depth === 0) return false;
  return Object.entries(value).every(([key, inner]) => {
    switch (key) {
      case "user":
      case "clientId":
      case "role":
      case "address":
      case "listener":
      case "version":
        return isPatterns(inner);
      case "certificate":
        return isObject(inner) &&
          Object.entries(inner).every(([field, patterns]) =>
            CERTIFICATE_FIELDS.some((known) => known === field) && isPatterns(patterns)
          );
      case "and":
      case "or":
        return Array.isArray(inner) && inner.length > 0 &&
          inner.every((one) => isWho(one, depth - 1));
      case "not":
        return isWho(inner, depth - 1);
      default:
        return false;
    }
  });
}

function isPatterns(value: unknown): value is Patterns {
  return isOneOrSeveral(value, isText);
}
