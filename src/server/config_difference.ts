/**
 * What is another in a configuration than in the one before: a line for each key, for the log and for whoever
 * asked for a reload. Secrets are not shown, as `dunlin explain` does not. Pure.
 */

import type { Limits } from "../policy/limits.ts";
import type { Config } from "./config.ts";
import { isSecret } from "./config_secret.ts";
import { type Path, pathText } from "./config_problem.ts";

/** A key with another value; undefined where it is absent. */
export interface Change {
  /** As problems name it, but listeners by their names: `listeners["web"].port`. */
  readonly key: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Only the next start can take these over: what they decide is held for as long as the broker runs. */
const HELD: readonly (keyof Config)[] = [
  "store",
  "cluster",
  "data",
  "onDamage",
  "admin",
  "dynamicSecurity",
];
const HELD_LIMITS: readonly (keyof Limits)[] = [
  "tcpBacklog",
  "castBytes",
  "adminConnections",
  "adminTimeout",
];

/** Whether that change waits for a restart. */
export function needsRestart({ key }: Pick<Change, "key">): boolean {
  return HELD.some((held) => key === held || key.startsWith(`${held}.`)) ||
    HELD_LIMITS.some((name) => key === `limits.${name}`);
}

/** The configuration as it can be without a restart. */
export function withoutRestart(before: Config, after: Config): Config {
  const limits: Record<keyof Limits, number> = { ...after.limits };
  for (const name of HELD_LIMITS) limits[name] = before.limits[name];
  const held = Object.fromEntries(HELD.map((key) => [key, before[key]]));
  return { ...after, ...held, limits };
}

/** Every change, in the order of the keys. */
export function differenceOf(before: Config, after: Config): Change[] {
  const changes: Change[] = [];
  compare(byName(before), byName(after), []);
  return changes;

  function compare(one: unknown, other: unknown, path: Path): void {
    if (sameValue(one, other)) return;
    if (isObject(one) && isObject(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
        compare(one[key], other[key], [...path, key]);
      }
    } else if (Array.isArray(one) && Array.isArray(other) && one.some(isObject)) {
      compareLists(one, other, path);
    } else {
      changes.push({ key: pathText(path), before: shown(one, path), after: shown(other, path) });
    }
  }

  /** What was put in or taken out does not make all that follows another. */
  function compareLists(one: readonly unknown[], other: readonly unknown[], path: Path): void {
    const shorter = Math.min(one.length, other.length);
    let start = 0;
    while (start < shorter && sameValue(one[start], other[start])) start++;
    let end = 0;
    while (end < shorter - start && sameValue(one.at(-1 - end), other.at(-1 - end))) end++;
    const last = Math.max(one.length, other.length) - end;
    for (let at = start; at < last; at++) {
      const here = at < one.length - end ? one[at] : undefined;
      const there = at < other.length - end ? other[at] : undefined;
      compare(here, there, [...path, at]);
    }
  }
}

/** Whether two values of a configuration are the same. */
export function sameValue(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Listeners by their names, of which those on any free port may have the same. */
function byName(config: Config): Readonly<Record<string, unknown>> {
  const listeners: Record<string, unknown> = {};
  for (const listener of config.listeners) {
    let name = listener.name;
    for (let count = 2; name in listeners; count++) name = `${listener.name} (${count})`;
    listeners[name] = listener;
  }
  return { ...config, listeners };
}

/** The value without what is secret in it. */
function shown(value: unknown, path: Path): unknown {
  if (value === undefined) return undefined;
  if (isSecret(pathText(path))) return "(not shown)";
  if (Array.isArray(value)) return value.map((one, at) => shown(one, [...path, at]));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, shown(inner, [...path, key])]),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
