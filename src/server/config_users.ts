/**
 * The users of the configuration: those that stand in it, or those of the file that it names.
 *
 * Faults of the file are problems like those of the configuration, with line and column. It must not
 * touch the disk itself: what reads a file is an argument.
 */

import { type EntryFault, entryFaults, type ScramEntry } from "./config_authentication.ts";
import type { Config } from "./config.ts";
import { type Finding, findingsOf } from "./config_issues.ts";
import { inFileOrder, type Path, pathText, type Problem } from "./config_problem.ts";
import { configFileSchema } from "./config_schema.ts";
import { type ConfigSource, parseConfigText } from "./config_source.ts";
import type { Outside } from "./config_substitute.ts";

/** The users, or why there are none. */
export interface ReadUsers {
  /** Empty where there are problems. */
  readonly entries: readonly ScramEntry[];
  readonly problems: readonly Problem[];
}

/** Where the list of the file would stand in a configuration. */
const place: Path = ["authentication", "scram", "users"];

/** The users of a configuration without errors. */
export function readUsers(
  { authentication }: Pick<Config, "authentication">,
  readFile: Outside["readFile"],
): ReadUsers {
  const { file, users } = authentication.scram ?? {};
  if (file === undefined) return { entries: users ?? [], problems: [] };
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    const expected = `a file of users that can be read at ${file}`;
    return { entries: [], problems: [{ path: "", found, expected, severity: "error" }] };
  }
  return parseUsers(text);
}

/** A list of users as text: JSON, with comments. */
export function parseUsers(text: string): ReadUsers {
  const source = parseConfigText(text);
  const wrapped = { authentication: { scram: { users: source.value } } };
  const parsed = configFileSchema.safeParse(wrapped);
  const findings = findingsOf(parsed.error?.issues ?? [], wrapped);
  const entries = parsed.data?.authentication.scram?.users ?? [];
  const problems = source.problems.length > 0 ? source.problems : [
    ...findings.map((finding) => problemOf(finding, source)),
    ...entryFaults(entries).map((fault) => faultOf(fault, source)),
  ];
  return { entries: problems.length === 0 ? entries : [], problems: inFileOrder(problems) };
}

function problemOf({ path, found, expected, suggestion, atKey }: Finding, source: ConfigSource) {
  const name = pathText(path.slice(place.length));
  const problem: Problem = {
    path: name,
    ...((atKey ? source.keys : source.values).get(name) ?? source.values.get(parentOf(name))),
    found,
    expected,
    ...(suggestion === undefined ? {} : { suggestion: suggestion.replace(/^.*\./, "") }),
    severity: "error",
  };
  return problem;
}

/** The entry that a missing key should stand in. */
function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf(".")));
}

function faultOf({ at, key, found, expected }: EntryFault, source: ConfigSource): Problem {
  const path = pathText([at, key]);
  return { path, ...source.values.get(path), found, expected, severity: "error" };
}
