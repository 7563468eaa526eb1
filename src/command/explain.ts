/**
 * `dunlin explain`: the effective configuration, and where each value comes from.
 *
 * It loads what `dunlin run` would load with the same options, and starts nothing.
 */

import { formatProblem, leavesOf, type Source } from "../server/config.ts";
import { isSecret } from "../server/config_secret.ts";
import { loadSystemConfig } from "../server/config_system.ts";

/** What `dunlin explain` takes from the command line. */
export interface ExplainOptions {
  /** The configuration file; without it the embedded defaults are explained. */
  readonly config?: string;
  readonly port?: number;
  readonly data?: string;
  /** One JSON object of path → { value, source } in place of the table. */
  readonly json?: boolean;
}

interface Row {
  readonly path: string;
  readonly value: unknown;
  readonly source: Source;
}

/**
 * Prints the configuration to standard output; problems go to standard error.
 *
 * @returns the exit status: 0, or 1 where the configuration has errors or cannot be read
 */
export function explain(options: ExplainOptions): number {
  const { config, problems, sources } = loadSystemConfig(options);
  for (const problem of problems) console.error(formatProblem(problem, options.config));
  if (config === undefined) return 1;
  const rows = leavesOf(config).map(([path, value]): Row => {
    return { path, value: shown(path, value), source: sources.get(path) ?? "default" };
  });
  console.log(options.json === true ? asJson(rows) : asTable(rows));
  return 0;
}

/** What an attacker could use is not for a screen. */
function shown(path: string, value: unknown): unknown {
  return isSecret(path) ? "(not shown)" : value;
}

function asJson(rows: readonly Row[]): string {
  const entries = rows.map(({ path, value, source }) => [path, { value, source }]);
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

function asTable(rows: readonly Row[]): string {
  const lines = [
    ["KEY", "VALUE", "SOURCE"] as const,
    ...rows.map(({ path, value, source }) => [path, JSON.stringify(value), source] as const),
  ];
  const keyWidth = Math.max(...lines.map(([key]) => key.length));
  const valueWidth = Math.max(...lines.map(([, value]) => value.length));
  return lines
    .map(([key, value, source]) =>
      `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${source}`
    )
    .join("\n");
}
