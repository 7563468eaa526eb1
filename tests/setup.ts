/**
 * Sets up what the tests need besides Deno: stock MQTT clients. `deno task test` runs it first.
 *
 * On Debian as root it installs the packages that are missing; elsewhere it only says what is missing,
 * and the tests that need it are reported as ignored (tests/end_to_end/tools.ts).
 */

import { type Tool, tool, tools } from "./end_to_end/tools.ts";

/** What setting up needs of the machine, so that a test may stand in for it. */
export interface Machine {
  /** Whether Debian packages may be installed. */
  readonly debianRoot: boolean;
  readonly has: (tool: Tool) => boolean;
  /** Runs a command; its output, and whether it exited with 0. */
  readonly run: (command: string, ...args: string[]) => Promise<Outcome>;
  readonly say: (line: string) => void;
}

export interface Outcome {
  readonly success: boolean;
  readonly output: string;
}

/** Installs or names what is missing; never fails, as the tests themselves say what they lack. */
export async function setUp({ debianRoot, has, run, say }: Machine): Promise<void> {
  const missing = Object.keys(tools).filter((name) => !has(name as Tool)) as Tool[];
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((name) => tools[name].debianPackage))];
  if (!debianRoot) {
    say(
      `missing for the tests: ${missing.join(", ")} (Debian: apt-get install ${
        packages.join(" ")
      })`,
    );
    return;
  }
  say(`installing ${packages.join(" ")}`);
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    const { success, output } = await run("apt-get", ...args);
    if (success) continue;
    say(output.trimEnd());
    say(`apt-get ${args.join(" ")} failed; tests that need ${missing.join(", ")} are ignored`);
    return;
  }
}

async function run(command: string, ...args: string[]): Promise<Outcome> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

function isDebian(): boolean {
  try {
    return Deno.statSync("/etc/debian_version").isFile;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  await setUp({
    debianRoot: isDebian() && Deno.uid() === 0,
    has: (name) => tool(name) !== undefined,
    run,
    say: (line) => console.error(line),
  });
}
