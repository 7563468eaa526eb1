/**
 * The configuration read with everything that it names: what `dunlin check` tells, what a reload goes by, and
 * which files decide about it.
 */

import type { Config, Loaded } from "./config.ts";
import { formatProblem, loadConfig } from "./config.ts";
import type { Overrides } from "./config_override.ts";
import type { Problem } from "./config_problem.ts";
import type { Outside } from "./config_substitute.ts";
import { readTls } from "./config_tls.ts";
import { readUsers } from "./config_users.ts";
import { readRedisTls } from "./redis_options_of.ts";
import { brokenFiles } from "./verifiers_of.ts";

/** A configuration that was read, or why it cannot be had. */
export interface Reading {
  /** Absent where there is an error. */
  readonly config?: Config;
  /** A line for each problem. */
  readonly problems: readonly ReadingProblem[];
  /** The files that decide about it, with their texts, "" where one cannot be read. */
  readonly files: ReadonlyMap<string, string>;
}

export interface ReadingProblem {
  readonly text: string;
  readonly severity: Problem["severity"];
}

/** What the command line says. */
export interface ReadingOptions extends Overrides {
  /** The path of the file; without it the embedded defaults hold. */
  readonly config?: string | undefined;
}

/** Loads the configuration only, and notes which files that took. */
export function loadNoting(
  { config: file, port, data }: ReadingOptions,
  outside: Outside,
): Loaded & Pick<Reading, "files"> {
  const files = new Map<string, string>();
  return { ...loadConfig({ ...noting(outside, files), file, port, data }), files };
}

/** Reads the configuration and the files that it names. Does not throw. */
export function readConfig(options: ReadingOptions, outside: Outside): Reading {
  const { config, problems, files: loaded } = loadNoting(options, outside);
  const files = new Map(loaded);
  const file = options.config;
  const own = problems.map((problem) => told(problem, file));
  if (config === undefined) return { problems: own, files };
  const text = file === undefined ? "" : files.get(file) ?? "";
  const { readFile } = noting(outside, files);
  const all = [
    ...own,
    ...brokenUsers(config, readFile),
    ...brokenFiles(config).map((text): ReadingProblem => ({ text, severity: "error" })),
    ...readTls(config, text, outside.readFile).map((problem) => told(problem, file)),
    ...readRedisTls(config, text, outside.readFile).map((problem) => told(problem, file)),
  ];
  const isBroken = all.some(({ severity }) => severity === "error");
  return { ...(isBroken ? {} : { config }), problems: all, files };
}

function brokenUsers(config: Config, readFile: Outside["readFile"]): ReadingProblem[] {
  const sections = [config.authentication, ...config.listeners.map((one) => one.authentication)];
  return sections.flatMap((authentication) => {
    if (authentication?.scram === undefined) return [];
    const { problems } = readUsers({ authentication }, readFile);
    return problems.map((problem) => told(problem, authentication.scram?.file));
  });
}

function told(problem: Problem, file: string | undefined): ReadingProblem {
  return { text: formatProblem(problem, file), severity: problem.severity };
}

function noting(outside: Outside, files: Map<string, string>): Outside {
  return {
    env: outside.env,
    readFile(path) {
      files.set(path, "");
      const text = outside.readFile(path);
      files.set(path, text);
      return text;
    },
  };
}
