/**
 * A scenario as JSON: a failure that was found once is replayed from what happened in it and not from
 * its seed, so that the generator may change. Of the rules it has what differs from the defaults.
 */

import type { Limits } from "../../src/policy/limits.ts";
import { defaultLimits } from "../../src/policy/limits.ts";
import type { Rules } from "../../src/policy/rules.ts";
import { defaultRules } from "../../src/policy/rules.ts";
import type { Scenario } from "./scenario.ts";

/** Where they are kept. */
export const SAVED = new URL("./regressions/", import.meta.url);

export interface Saved {
  /** What was wrong, in words. */
  readonly found: string;
  /** Where it came from; it does not lead back there once the generator has changed. */
  readonly seed: number;
  readonly path: string;
  readonly scenario: Scenario;
}

/** What a scenario of an earlier time has not, as it was then. */
const EARLIER = { hiccups: 0, ruleSet: 0 };

/** As text, an action a line. */
export function toText({ found, seed, path, scenario }: Saved): string {
  const { actions, rules, ruleSet, weather, latency, hiccups, profiles } = scenario;
  const { limits, ...rest } = rules;
  const head = {
    found,
    seed,
    path,
    worldSeed: scenario.seed,
    weather,
    latency,
    hiccups,
    profiles,
    ruleSet,
    rules: difference(rest, defaultRules as Omit<Rules, "limits">),
    limits: difference(limits, defaultLimits),
  };
  const lines = Object.entries(head).map(([key, value]) => `  "${key}": ${json(value)},\n`);
  return `{\n${lines.join("")}  "actions": [\n${
    actions.map((action) => `    ${json(action)}`).join(",\n")
  }\n  ]\n}\n`;
}

/** Throws where it is no JSON. */
export function fromText(text: string): Saved {
  const { found, seed, path, worldSeed, rules, limits, ...others } = JSON.parse(
    text,
    (_, value) => value === "Infinity" ? Infinity : value,
  );
  return {
    found,
    seed,
    path,
    scenario: {
      ...EARLIER,
      ...others,
      seed: worldSeed,
      rules: {
        ...defaultRules,
        ...rules as Rules,
        limits: { ...defaultLimits, ...limits as Limits },
      },
    },
  };
}

/** All that are kept, by name. */
export function readAll(): readonly (readonly [string, Saved])[] {
  return [...Deno.readDirSync(SAVED)].map(({ name }) => name).filter((name) =>
    name.endsWith(".json")
  ).sort().map((name) => [name, fromText(Deno.readTextFileSync(new URL(name, SAVED)))]);
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, each) => each === Infinity ? "Infinity" : each);
}

function difference<T extends object>(value: T, from: T): Partial<T> {
  const entries = Object.entries(value).filter(([key, each]) => each !== from[key as keyof T]);
  return Object.fromEntries(entries) as Partial<T>;
}
