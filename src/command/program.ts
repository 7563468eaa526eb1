/**
 * The command line of dunlin: reads the arguments and hands over to one file of this folder.
 *
 * Exit status: that of the command; 2 for arguments that cannot be understood.
 */

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { check } from "./check.ts";
import { explain, type ExplainOptions } from "./explain.ts";
import { importConf, type ImportOptions } from "./import.ts";
import { passwd, type PasswdOptions, usualPasswordIterations } from "./passwd.ts";
import { run } from "./run.ts";
import { schema } from "./schema.ts";
import { scram, type ScramCommandOptions, usualIterations } from "./scram.ts";
import { storeExport } from "./store_export.ts";
import { storeImport } from "./store_import.ts";
import { storeInspect } from "./store_inspect.ts";
import type { StorePlace } from "./store_place.ts";
import { storeVerify } from "./store_verify.ts";
import { mostPasswordIterations } from "../authentication/password_hash.ts";
import { why, type WhyOptions } from "./why.ts";
import type { QoS } from "../packet/packet.ts";
import { fewestIterations, mostIterations } from "../authentication/scram_keys.ts";
import { nearest } from "../server/nearest.ts";

const badUsage = 2;

const examples = `
Examples:
  dunlin                                 serve 127.0.0.1:1883 with the embedded defaults
  dunlin --port 1884                     the same on another port
  dunlin run --config dunlin.json        serve what the file says
  dunlin check dunlin.json               show every problem of the file
  dunlin explain --config dunlin.json    show every effective value and its source
  dunlin schema > dunlin.schema.json     the JSON Schema of the file, for an editor
  dunlin scram ada < password.txt        a user for authentication.scram
  dunlin passwd passwords.txt ada        a user for authentication.passwordFile
  dunlin import /etc/mosquitto/mosquitto.conf -o dunlin.json
  dunlin ctl sessions list --limit 10    show sessions of the broker that runs here
  dunlin store verify ./dunlin-data      check a store while no broker runs on it`;

/**
 * Runs the command that the arguments name; all but `ctl`, which has a tree of its own.
 *
 * @param args what stands after the name of the program
 * @param version of the program
 * @returns the exit status
 */
export async function program(args: readonly string[], version: string): Promise<number> {
  let status = 0;
  const program = new Command("dunlin")
    .description("An MQTT broker.")
    .version(version, "-V, --version", "print the version")
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
      status = await run(options, version);
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
  addWhyCommand(program, (done) => status = done);
  program.command("ctl").argument("[command...]", "`dunlin ctl --help` shows what there is")
    .description("manage a broker that runs, here or elsewhere");
  program.command("schema")
    .description("print the JSON Schema of the configuration file")
    .action(() => {
      status = schema();
    });
  program.command("scram").argument("<user>", "the user name")
    .description("make an entry of authentication.scram from a password on standard input")
    .option("-i, --iterations <number>", "how often it is hashed", iterationsOf, usualIterations)
    .option("-r, --role <name...>", "the roles of the user", [])
    .action(async (user: string, options: ScramCommandOptions) => {
      status = await scram(user, options);
    });
  program.command("passwd").argument("<file>", "the password file, which is made if need be")
    .argument("<user>", "the user name")
    .description(
      "set a user's password, read from standard input, in a file that Mosquitto reads too",
    )
    .option("-D, --delete", "delete the user")
    .option("-b, --batch", "take the first line of standard input without asking")
    .option(
      "-i, --iterations <number>",
      "how often it is hashed",
      passwordIterationsOf,
      usualPasswordIterations,
    )
    .action(async (file: string, user: string, options: PasswdOptions) => {
      status = await passwd(file, user, options);
    });
  program.command("import").argument("<file>", "a mosquitto.conf")
    .description(
      "turn a configuration of Mosquitto into one of dunlin, and tell what has no counterpart",
    )
    .option("-o, --output <file>", "the file to write, in place of standard output")
    .action((file: string, options: ImportOptions) => {
      status = importConf(file, options);
    });
  addStoreCommands(program, (done) => status = done);

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

/** Which rule of access decides. */
function addWhyCommand(program: Command, done: (status: number) => void): void {
  program.command("why")
    .description("show which rule of access decides; exit status 0 permitted, 1 denied")
    .option("-c, --config <file>", "the configuration file")
    .option("--client <id>", "the client identifier")
    .option("--user <name>", "the user name that it has proven; without it the client is anonymous")
    .option("--role <name...>", "its roles")
    .option("--address <address>", "the address that it comes from")
    .option("--listener <name>", "the listener that it connects to")
    .option("--certificate <field=value...>", "fields of its certificate, such as cn=pump-7")
    .addOption(
      new Option("--action <action>", "what it wants").makeOptionMandatory()
        .choices(["connect", "publish", "subscribe", "receive"]),
    )
    .option("--topic <topic>", "a Topic Name, or for subscribe a Topic Filter")
    .addOption(
      new Option("--qos <qos>", "the QoS of the PUBLISH, or asked for").choices(["0", "1", "2"]),
    )
    .option("--retain", "the PUBLISH is retained")
    .action(({ qos, ...options }: Omit<WhyOptions, "qos"> & { readonly qos?: string }) => {
      done(why(qos === undefined ? options : { ...options, qos: Number(qos) as QoS }));
    });
}

/** What is done with a store while no broker runs on it. */
function addStoreCommands(program: Command, done: (status: number) => void): void {
  const store = program.command("store")
    .description("look at, check, back up and move what a broker keeps, while it does not run");
  const about = (command: Command) =>
    command.argument("[directory]", "the data directory; without it that of the configuration")
      .option("-c, --config <file>", "the configuration file that names the data directory");
  about(store.command("inspect")).description("show what is in it, in numbers")
    .option("--json", "print one JSON object")
    .option("--sessions <number>", "how many sessions are shown", countOf)
    .action(async (directory: string | undefined, options: StorePlace) => {
      done(await storeInspect({ ...options, directory }));
    });
  about(store.command("verify")).description("read every record and show each problem")
    .option("--repair", "set a store with problems aside and carry over what is whole")
    .action(async (directory: string | undefined, options: StorePlace) => {
      done(await storeVerify({ ...options, directory }));
    });
  about(store.command("export")).description("write it as JSON lines")
    .option("-o, --output <file>", "the file to write, in place of standard output")
    .action(async (directory: string | undefined, options: StorePlace) => {
      done(await storeExport({ ...options, directory }));
    });
  about(
    store.command("import").argument("<file>", "an export; - is standard input"),
  ).description("make it what an export says, all of it or nothing")
    .option("--replace", "set aside a store that is not empty")
    .action(async (file: string, directory: string | undefined, options: StorePlace) => {
      done(await storeImport({ ...options, file, directory }));
    });
}

/** As `run` is also what an unknown word leads to, a misspelt command arrives there. */
function refuseOperands(program: Command, operands: readonly string[]): void {
  const [word] = operands;
  if (word === undefined) return;
  const meant = nearest(word, program.commands.map((command) => command.name()));
  const hint = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  program.error(`error: unknown command ${JSON.stringify(word)}${hint}`);
}

function iterationsOf(text: string): number {
  const iterations = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (iterations >= fewestIterations && iterations <= mostIterations) return iterations;
  throw new InvalidArgumentError(
    `Iterations are a whole number from ${fewestIterations} to ${mostIterations}.`,
  );
}

function passwordIterationsOf(text: string): number {
  const iterations = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (iterations >= 1 && iterations <= mostPasswordIterations) return iterations;
  throw new InvalidArgumentError(
    `Iterations are a whole number from 1 to ${mostPasswordIterations}.`,
  );
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}

function countOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("A number of sessions is a whole number.");
}
