/**
 * What rules of access mean, written to be read and sharing nothing with src/policy/ but the types and
 * with src/topic/ but the definition of a match: what the compiled rules are held to.
 */

import type { AccessRule, Who } from "../../src/policy/access_rule.ts";
import type { Identity } from "../../src/policy/identity.ts";
import { matches } from "../../src/topic/matches.ts";

export type Judged = "publish" | "receive";

/** Whether the rules, behind the identity's own, let it have, or publish, a message of that topic. */
export function oracle(
  rules: readonly AccessRule[],
  identity: Identity,
  action: Judged,
  topic: string,
  qos = 0,
  retain = false,
): boolean {
  if (rules.length === 0 && identity.rules === undefined) return true;
  for (const rule of [...identity.rules ?? [], ...rules]) {
    if (isAbout(rule, identity, action, topic, qos, retain)) return rule.permission === "allow";
  }
  return false;
}

/** Whether the rules let that identity subscribe to that filter: the first that covers it decides. */
export function subscribeOracle(
  rules: readonly AccessRule[],
  identity: Identity,
  filter: string,
  qos: number,
): boolean {
  const first = [...identity.rules ?? [], ...rules].find((rule) =>
    all(rule.action ?? ["publish", "subscribe", "receive"]).includes("subscribe") &&
    (rule.qos === undefined || all(rule.qos).includes(qos as 0)) &&
    (rule.who === undefined || holds(rule.who, identity)) &&
    (rule.topics === undefined ||
      all(rule.topics).some((pattern) =>
        texts(pattern, identity).some((text) =>
          text.startsWith("=") ? text.slice(1) === filter : coversAll(text, filter)
        )
      ))
  );
  return first?.permission === "allow";
}

/** Every name of up to five levels that `narrow` matches is matched by `wide`. */
function coversAll(wide: string, narrow: string): boolean {
  return instances(narrow).every((name) => matches(wide, name));
}

/** Names that a filter matches: for each wildcard several words, and one that no filter has. */
function instances(filter: string): string[] {
  let names: string[][] = [[]];
  for (const [at, level] of filter.split("/").entries()) {
    if (level === "#") {
      const tails = [["?"], ["?", "a"], ["a", "?", "?"], ["a", "?", "?", "?"]];
      const here = at === 0 ? [] : names;
      names = [...here, ...names.flatMap((name) => tails.map((tail) => [...name, ...tail]))];
    } else {
      const words = level === "+" ? ["?", "a", ""] : [level];
      names = names.flatMap((name) => words.map((word) => [...name, word]));
    }
  }
  return names.map((name) => name.join("/")).filter((name) => name !== "");
}

function isAbout(
  rule: AccessRule,
  identity: Identity,
  action: Judged,
  topic: string,
  qos: number,
  retain: boolean,
): boolean {
  const actions = all(rule.action ?? ["publish", "subscribe", "receive"]);
  if (actions.includes(action)) {
    if (rule.qos !== undefined && !all(rule.qos).includes(qos as 0)) return false;
    if (rule.retain !== undefined && rule.retain !== retain) return false;
  } else {
    if (action === "publish" || !actions.includes("subscribe")) return false;
    const anyQoS = [0, 1, 2].every((each) =>
      rule.qos === undefined || all(rule.qos).includes(each as 0)
    );
    if (rule.permission === "deny" && !anyQoS) return false;
  }
  if (rule.who !== undefined && !holds(rule.who, identity)) return false;
  if (rule.topics === undefined) return true;
  return all(rule.topics).some((pattern) =>
    texts(pattern, identity).some((text) =>
      text.startsWith("=") ? text.slice(1) === topic : matches(text, topic)
    )
  );
}

function holds(who: Who, identity: Identity): boolean {
  const { user, clientId, role, address, listener, certificate, and, or, not } = who;
  const fits = (patterns: string | readonly string[], value: string | undefined) =>
    value !== undefined &&
    all(patterns).some((pattern) =>
      new RegExp(`^${pattern.split("*").map((part) => RegExp.escape(part)).join(".*")}$`, "s").test(
        value,
      )
    );
  return (user === undefined || fits(user, identity.user)) &&
    (clientId === undefined || fits(clientId, identity.clientId)) &&
    (role === undefined || identity.roles.some((each) => fits(role, each))) &&
    (address === undefined || fits(address, identity.address)) &&
    (listener === undefined || fits(listener, identity.listener)) &&
    Object.entries(certificate ?? {}).every(([name, patterns]) =>
      all(identity.certificate?.[name] ?? []).some((value) => fits(patterns!, value))
    ) &&
    (and ?? []).every((inner) => holds(inner, identity)) &&
    (or === undefined || or.some((inner) => holds(inner, identity))) &&
    (not === undefined || !holds(not, identity));
}

/** The pattern with what stands for `${…}`; none where the value could be more than a part of a level. */
function texts(pattern: string, identity: Identity): readonly string[] {
  if (!pattern.includes("${")) return [pattern];
  const roles = pattern.includes("${role}") ? identity.roles : [undefined];
  return roles.flatMap((role) => {
    const values: Record<string, string | undefined> = {
      "${clientid}": identity.clientId,
      "${username}": identity.user,
      "${role}": role,
    };
    let text = pattern;
    for (const [place, value] of Object.entries(values)) {
      if (!text.includes(place)) continue;
      if (value === undefined || value === "" || /[+#/\0]/.test(value)) return [];
      if (value.startsWith("$") && text.replace(/^=/, "").startsWith(place)) return [];
      text = text.replaceAll(place, () => value);
    }
    return [text];
  });
}

function all<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
