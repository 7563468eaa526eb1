/**
 * Loads the configuration: text → value → `${…}` → command line → schema → rules.
 *
 * Every problem of every step is collected, so that a file is mended in one go. It must not touch
 * the environment or the disk itself; config_system.ts hands them in.
 */

import type { z } from "zod";
import { type Finding, findingsOf, issuesWithin, valueAt, withValueAt } from "./config_issues.ts";
import { type Overridden, override, type Overrides } from "./config_override.ts";
import { inFileOrder, type Path, pathText, type Problem } from "./config_problem.ts";
import { brokenRules } from "./config_rules.ts";
import { type Config, configSchema } from "./config_schema.ts";
import { type ConfigSource, emptySource, parseConfigText, type Position } from "./config_source.ts";
import { type Outside, spelledValue, substitute, type Substituted } from "./config_substitute.ts";

export type { Config, ListenerConfig } from "./config_schema.ts";
export { formatProblem, type Problem } from "./config_problem.ts";

/** Where the effective value of a key comes from. */
export type Source = "default" | "file" | "environment" | "command line";

/** What to load. Without `file` and `text` the embedded defaults hold. */
export interface LoadOptions extends Overrides, Outside {
  /** The file to read, and to which paths in `${file:…}` are relative. */
  readonly file?: string | undefined;
  /** The text of the file, where the caller has read it. */
  readonly text?: string | undefined;
}

/** A configuration, or why there is none. */
export interface Loaded {
  /** Present unless a problem is an error. */
  readonly config?: Config;
  /** Errors and warnings in the order of the file. */
  readonly problems: readonly Problem[];
  /** By path (`limits.receiveMaximum`), for every value of the configuration. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** Loads and checks a configuration. Never throws on account of what the file says. */
export function loadConfig(options: LoadOptions): Loaded {
  const source = readSource(options);
  const substituted = substitute(source.value, options, options.file);
  const overridden = override(substituted.value, options);
  const value = withSpelledValues(overridden.value, substituted);
  const parsed = configSchema.safeParse(value);
  const failed = new Set(substituted.failures.map((failure) => failure.path));
  const findings = findingsOf(parsed.error?.issues ?? [], value)
    .filter((finding) => !failed.has(pathText(finding.path)));
  const wrong = new Set([...failed, ...findings.map((finding) => pathText(finding.path))]);
  const problems = inFileOrder([
    ...source.problems,
    ...substituted.failures.map((failure): Problem => ({
      ...failure,
      ...positionOf(source, failure.path),
      severity: "error",
    })),
    ...overridden.problems,
    ...findings.map((finding) => problemOf(finding, source, substituted, overridden)),
    ...brokenRules(value, (path) => wrong.has(path)).map((breach): Problem => ({
      ...breach,
      found: `${breach.found}${originText(breach.path, substituted, overridden)}`,
      ...positionOf(source, breach.path),
    })),
  ]);
  if (parsed.data === undefined || problems.some(({ severity }) => severity === "error")) {
    return { problems, sources: new Map() };
  }
  return {
    config: parsed.data,
    problems,
    sources: sourcesOf(parsed.data, source, substituted, overridden),
  };
}

/** Every single value of a configuration with its path, in the order of the schema. */
export function leavesOf(config: Config): [path: string, value: unknown][] {
  const leaves: [string, unknown][] = [];
  collect(config, []);
  return leaves;

  function collect(value: unknown, path: Path): void {
    if (typeof value !== "object" || value === null) leaves.push([pathText(path), value]);
    else if (Array.isArray(value)) value.forEach((one, index) => collect(one, [...path, index]));
    else for (const [key, inner] of Object.entries(value)) collect(inner, [...path, key]);
  }
}

function readSource({ file, text, readFile }: LoadOptions): ConfigSource {
  if (text !== undefined) return parseConfigText(text);
  if (file === undefined) return emptySource;
  try {
    return parseConfigText(readFile(file));
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const expected = `a file that can be read at ${file}`;
    return { ...emptySource, problems: [{ path: "", found, expected, severity: "error" }] };
  }
}

/** A substituted text where a number or a boolean is wanted becomes the one that it spells. */
function withSpelledValues(value: unknown, { from }: Substituted): unknown {
  if (from.size === 0) return value;
  let result = value;
  const { error } = configSchema.safeParse(value);
  for (const issue of issuesWithin(error?.issues ?? [], value)) {
    const path = issue.path as Path;
    if (!wantsNumberOrBoolean(issue) || !from.has(pathText(path))) continue;
    const spelled = spelledValue(String(valueAt(value, path)));
    if (spelled !== undefined) result = withValueAt(result, path, spelled);
  }
  return result;
}

function wantsNumberOrBoolean(issue: z.core.$ZodIssue): boolean {
  return issue.code === "invalid_type" && ["number", "int", "boolean"].includes(issue.expected);
}

function problemOf(
  { path, found, expected, suggestion, atKey }: Finding,
  source: ConfigSource,
  substituted: Substituted,
  overridden: Overridden,
): Problem {
  const name = pathText(path);
  return {
    path: name,
    ...positionOf(source, name, atKey ? source.keys : source.values),
    found: `${found}${originText(name, substituted, overridden)}`,
    expected,
    ...(suggestion === undefined ? {} : { suggestion }),
    severity: "error",
  };
}

function originText(path: string, { from }: Substituted, { by }: Overridden): string {
  const option = by.get(path);
  if (option !== undefined) return ` (from ${option})`;
  const origin = from.get(path);
  if (origin === undefined) return "";
  return origin === "environment" ? " (from the environment)" : " (from a file it names)";
}

/** Where a key stands, or else the nearest thing around it that does stand in the file. */
function positionOf(
  source: ConfigSource,
  path: string,
  positions: ReadonlyMap<string, Position> = source.values,
): Position | Record<never, never> {
  for (let name = path;;) {
    const position = positions.get(name) ?? source.values.get(name);
    if (position !== undefined) return position;
    if (name === "") return {};
    name = name.slice(0, Math.max(0, name.lastIndexOf("."), name.lastIndexOf("[")));
  }
}

function sourcesOf(
  config: Config,
  source: ConfigSource,
  { from }: Substituted,
  { by }: Overridden,
): Map<string, Source> {
  return new Map(
    leavesOf(config).map(([path]) => {
      if (by.has(path)) return [path, "command line"];
      return [path, from.get(path) ?? (source.values.has(path) ? "file" : "default")];
    }),
  );
}
