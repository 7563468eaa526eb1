/**
 * `dunlin check FILE`: every problem of a configuration file at once.
 *
 * It checks what `dunlin run` would check, and starts nothing.
 */

import { formatProblem, loadConfig, type Problem } from "../server/config.ts";
import { system } from "../server/config_system.ts";
import { readTls } from "../server/config_tls.ts";
import { readUsers } from "../server/config_users.ts";
import { brokenFiles } from "../server/verifiers_of.ts";

/**
 * Prints one line a problem to standard output, and a last line with their number.
 *
 * @returns the exit status: 0 fine (warnings are), 1 errors, 2 the file cannot be read
 */
export function check(file: string): number {
  let text: string;
  try {
    text = system.readFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`dunlin check: ${file} cannot be read: ${reason}`);
    return 2;
  }
  const { config, problems: own } = loadConfig({ ...system, file, text });
  for (const problem of own) console.log(formatProblem(problem, file));
  const users = config === undefined ? [] : readUsers(config, system.readFile).problems;
  for (const problem of users) {
    console.log(formatProblem(problem, config?.authentication.scram?.file));
  }
  const files = config === undefined ? [] : brokenFiles(config);
  for (const words of files) console.log(words);
  const tls = config === undefined ? [] : readTls(config, text, system.readFile);
  for (const problem of tls) console.log(formatProblem(problem, file));
  const problems = [...own, ...users, ...tls];
  const errors = count(problems, "error") + files.length;
  console.log(
    `${file}: ${amount(errors, "error")}, ${amount(count(problems, "warning"), "warning")}`,
  );
  return errors === 0 ? 0 : 1;
}

function count(problems: readonly Problem[], severity: Problem["severity"]): number {
  return problems.filter((problem) => problem.severity === severity).length;
}

function amount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
