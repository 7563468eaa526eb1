/**
 * The command line of dunlin: reads the arguments and hands over to one file in src/command/.
 *
 * Exit status: that of the command; 2 for arguments that cannot be understood.
 */

import { Command, CommanderError, InvalidArgumentError } from "commander";
import deno from "./deno.json" with { type: "json" };
import { check } from "./src/command/check.ts";
import { explain, type ExplainOptions } from "./src/command/explain.ts";
import { run } from "./src/command/run.ts";
import { schema } from "./src/command/schema.ts";
import { nearest } from "./src/server/nearest.ts";

const badUsage = 2;

const examples = `
Examples:
  dunlin                                 serve 127.0.0.1:1883 with the embedded defaults
  dunlin --port 1884                     the same on another port
  dunlin run --config dunlin.json        serve what the file says
  dunlin check dunlin.json               show every problem of the file
  dunlin explain --config dunlin.json    show every effective value and its source
  dunlin schema > dunlin.schema.json     the JSON Schema of the file, for an editor`;

/**
 * Runs the command that the arguments name.
 *
 * @param args what stands after the name of the program
 * @returns the exit status
 */
export async function main(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command("dunlin")
    .description("An MQTT broker.")
    .version(deno.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", examples)
    .showHelpAfterError("(dunlin --help shows what there is)")
    .exitOverride();

  withConfigOptions(program.command("run", { isDefault: true }))
    .description("serve clients until SIGTERM or SIGINT (what is done when no command is named)")
    .allowExcessArguments()
    .action(async (options: Parameters<typeof run>[0], command: Command) => {
      refuseOperands(program, command.args);
      status = await run(options);
    });
  program.command("check").argument("<file>", "the configuration file")
    .description("show every problem of a configuration file")
    .action((file: string) => {
      status = check(file);
    });
  withConfigOptions(program.command("explain"))
    .description("show every effective value and where it comes from")
    .option("--json", "print one JSON object")
    .action((options: ExplainOptions) => {
      status = explain(options);
    });
  program.command("schema")
    .description("print the JSON Schema of the configuration file")
    .action(() => {
      status = schema();
    });

  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : badUsage;
  }
}

function withConfigOptions(command: Command): Command {
  return command
    .option("-c, --config <file>", "the configuration file; without it the embedded defaults hold")
    .option("-p, --port <number>", "the port of the first TCP listener", portNumber)
    .option("-d, --data <directory>", "where the broker keeps its files");
}

/** As `run` is also what an unknown word leads to, a misspelt command arrives there. */
function refuseOperands(program: Command, operands: readonly string[]): void {
  const [word] = operands;
  if (word === undefined) return;
  const meant = nearest(word, program.commands.map((command) => command.name()));
  const hint = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  program.error(`error: unknown command ${JSON.stringify(word)}${hint}`);
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}

if (import.meta.main) Deno.exit(await main(Deno.args));
