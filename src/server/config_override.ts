/**
 * What the command line says in place of the configuration file: `--port` and `--data`.
 *
 * They are laid over the file's value before it is checked, so that all rules see them. It must
 * not parse the command line.
 */

import { expectedAt } from "./config_expected.ts";
import type { Problem } from "./config_problem.ts";
import { defaultAddress, defaultPort } from "./config_schema.ts";
import { withValueAt } from "./config_issues.ts";

/** What the command line may set. */
export interface Overrides {
  /** Replaces the port of the first listener of type tcp. */
  readonly port?: number | undefined;
  /** Replaces the directory of what the broker keeps. */
  readonly data?: string | undefined;
}

/** A value with the command line laid over it. */
export interface Overridden {
  readonly value: unknown;
  /** By path text, the option that set the value. */
  readonly by: ReadonlyMap<string, "--port" | "--data">;
  readonly problems: readonly Problem[];
}

/** Lays the options over the value of a file; what is not there to be replaced is a problem. */
export function override(value: unknown, { port, data }: Overrides): Overridden {
  const by = new Map<string, "--port" | "--data">();
  const problems: Problem[] = [];
  if (typeof value !== "object" || value === null) return { value, by, problems };
  let result: unknown = value;
  if (data !== undefined) {
    result = withValueAt(result, ["data"], data);
    by.set("data", "--data");
  }
  if (port !== undefined) replacePort(port);
  return { value: result, by, problems };

  function replacePort(wanted: number): void {
    if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65_535) {
      const expected = expectedAt(["listeners", 0, "port"], {
        listeners: [{ type: "tcp" }],
      });
      problems.push({ path: "--port", found: String(wanted), expected, severity: "error" });
      return;
    }
    const written = (result as Record<string, unknown>)["listeners"] ??
      [{ type: "tcp", address: defaultAddress, port: defaultPort }];
    if (!Array.isArray(written)) return;
    const first = written.findIndex((listener) => listener?.type === "tcp");
    if (first < 0) {
      const expected = 'a listener whose "type" is "tcp" that --port can change';
      const found = "no such listener in the file";
      problems.push({ path: "--port", found, expected, severity: "error" });
      return;
    }
    result = withValueAt(result, ["listeners"], written);
    result = withValueAt(result, ["listeners", first, "port"], wanted);
    by.set(`listeners[${first}].port`, "--port");
  }
}
