/**
 * `dunlin check FILE`: every problem of a configuration file at once.
 *
 * It checks what `dunlin run` would check, and starts nothing.
 */

import type { ReadingProblem } from "../server/config_reading.ts";
import { readConfig } from "../server/config_reading.ts";
import { system } from "../server/config_system.ts";

/**
 * Prints one line a problem to standard output, and a last line with their number.
 *
 * @returns the exit status: 0 fine (warnings are), 1 errors, 2 the file cannot be read
 */
export function check(file: string): number {
  try {
    system.readFile(file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`dunlin check: ${file} cannot be read: ${reason}`);
    return 2;
  }
  const { problems } = readConfig({ config: file }, system);
  for (const { text } of problems) console.log(text);
  const errors = count(problems, "error");
  console.log(
    `${file}: ${amount(errors, "error")}, ${amount(count(problems, "warning"), "warning")}`,
  );
  return errors === 0 ? 0 : 1;
}

function count(problems: readonly ReadingProblem[], severity: "error" | "warning"): number {
  return problems.filter((problem) => problem.severity === severity).length;
}

function amount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
