/**
 * `dunlin ctl`: the commands of management from the shell, over `$CONTROL/dunlin/v1` (MQTT 5.0 section 4.10)
 * of a broker that is here or elsewhere. Commands and options are made of the same schemas that the broker
 * reads requests with.
 *
 * Exit status: 0 it was done; 1 the broker refused it; 2 the arguments cannot be understood; 3 the broker
 * cannot be asked, or does not answer in time.
 */

import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { managementCommands } from "../server/services.ts";
import type { Command as ManagementCommand } from "../service/management/command.ts";
import type { Login, Reply } from "./ctl_client.ts";
import { CtlClient } from "./ctl_client.ts";
import { completionScript, type Shell, shells } from "./ctl_completion.ts";
import { missingFlags, optionsFor } from "./ctl_options.ts";
import { asJson, asText, harmless } from "./ctl_output.ts";
import { allPages } from "./ctl_pages.ts";
import type { Place, PlaceOptions } from "./ctl_place.ts";
import { placeFrom } from "./ctl_place.ts";

/** What it reads and writes, so that a test can be the terminal. */
export interface CtlIo {
  out(text: string): void;
  err(text: string): void;
  env(name: string): string | undefined;
  readFile(path: string): string;
}

const terminal: CtlIo = {
  out: (text) => writeAll(Deno.stdout, text),
  err: (text) => writeAll(Deno.stderr, text),
  env: (name) => Deno.env.get(name),
  readFile: (path) => Deno.readTextFileSync(path),
};

/** What stands before or behind every command. */
interface Common extends PlaceOptions {
  readonly as?: string;
  readonly username?: string;
  readonly passwordFile?: string;
  readonly timeout: number;
  readonly output: "table" | "json";
  readonly all?: boolean;
  readonly json?: string;
}

type Input = Readonly<Record<string, unknown>>;

const done = 0, refused = 1, badUsage = 2, unreachable = 3;

const examples = `
Examples:
  dunlin ctl sessions list --limit 10
  dunlin ctl sessions kick --client-id pump-7 --dry-run
  dunlin ctl --host broker.example --tls --username ada --password-file ada.pw retained list --all
  dunlin ctl access put --name alarms --rule '{"permission": "allow", "topics": "alarm/#"}'
  dunlin ctl request sessions/list --json '{"user": "pumps"}' --output json

The password may stand in DUNLIN_PASSWORD, and the user name in DUNLIN_USERNAME.
Exit status: 0 done, 1 refused, 2 arguments, 3 the broker cannot be asked.`;

/**
 * Runs it.
 *
 * @param args what stands behind `dunlin ctl`
 * @returns the exit status
 */
export async function ctl(args: readonly string[], io: CtlIo = terminal): Promise<number> {
  let status = done;
  const program = treeOf(io, async (name, input, common) => {
    status = await run(name, input, common, io);
  });
  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? done : badUsage;
  }
}

type Run = (name: string, input: Input, common: Common) => Promise<void>;

function treeOf(io: CtlIo, run: Run): Command {
  const program = withCommonOptions(subject(new Command("dunlin ctl"), "manage a broker"))
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride()
    .addHelpText("after", examples)
    .showHelpAfterError("(--help shows what there is)");
  for (const command of managementCommands.values()) {
    let place = program; // a word may be a command, and have others below it
    for (const word of command.name.split("/")) {
      place = place.commands.find((each) => each.name() === word) ??
        subject(place.command(word), groupWords(word));
    }
    asks(place, command, run);
  }
  subject(program.command("request"), "ask a command by its name, with what --json says")
    .argument("<command>", "as below $CONTROL/dunlin/v1, such as sessions/list")
    .action((name: string) => run(name, {}, program.opts()));
  subject(program.command("completion"), "print a script that completes commands in a shell")
    .addArgument(program.createArgument("<shell>", "the shell").choices(shells))
    .action((shell: Shell) => io.out(completionScript(shell, program)));
  return program;
}

/** Has that word of the command line ask that command. */
function asks(word: Command, command: ManagementCommand, run: Run): void {
  const options = optionsFor(command);
  const made = subject(word, command.help);
  for (const option of options.values()) made.addOption(option);
  made.action(async () => {
    const given = made.opts();
    const input = Object.fromEntries(
      [...options.keys()].filter((name) => given[name] !== undefined)
        .map((name) => [name, given[name]]),
    );
    const common: Common = made.optsWithGlobals();
    const missing = common.json === undefined ? missingFlags(command, input) : [];
    if (missing.length > 0) made.error(`error: ${missing.join(", ")} has to be there`);
    await run(command.name, input, common);
  });
}

/** Its words, in lists and in its own help; `help` is a command of the broker here. */
function subject(command: Command, words: string): Command {
  return command.description(words).summary(words).helpCommand(false);
}

function groupWords(group: string): string {
  const names = [...managementCommands.keys()].filter((name) => name.startsWith(`${group}/`));
  return names.map((name) => name.slice(group.length + 1)).join(", ");
}

function withCommonOptions(program: Command): Command {
  return program
    .option("-H, --host <host>", "where the broker is; default 127.0.0.1")
    .option("-P, --port <number>", "its port; default 1883, with TLS 8883", portOf)
    .option("--tls", "over TLS, with the authorities that the system trusts")
    .option("--ca <file>", "over TLS, with the authorities of this file too")
    .option("--cert <file>", "over TLS, with this client certificate")
    .option("--key <file>", "the key of the client certificate")
    .addOption(
      new Option("--unix <path>", "over a Unix socket").conflicts(["host", "port", "tls", "ca"]),
    )
    .addOption(
      new Option("-c, --config <file>", "the first listener of that configuration")
        .conflicts(["host", "port", "unix"]),
    )
    .option("-u, --username <name>", "the user name")
    .option("--password-file <file>", "the password is the first line of this file")
    .option("-i, --as <client id>", "the client identifier; default: the broker names it")
    .option("--timeout <seconds>", "how long the broker may take for each reply", secondsOf, 30)
    .addOption(
      new Option("-o, --output <form>", "a table, or the whole reply").choices(["table", "json"])
        .default("table"),
    )
    .option("--all", "every page of a list")
    .option(
      "--json <object>",
      "the input as JSON, or @ and a file with it; options are put over it",
    );
}

/** Asks and prints. */
async function run(name: string, given: Input, common: Common, io: CtlIo): Promise<number> {
  let place: Place, login: Login, input: Input;
  try {
    input = { ...jsonInput(common.json, io), ...given };
    place = placeFrom(common);
    login = loginOf(common, io);
  } catch (error) {
    return failed(error, badUsage, io);
  }
  try {
    const client = await CtlClient.open(place, login, common.timeout * 1000);
    try {
      const ask = (input: Input) => client.ask(name, JSON.stringify(input));
      const reply = common.all === true
        ? await allPages(ask, { limit: 1_000, ...input })
        : await ask(input);
      const goesOn = name === "trace" && reply.ok && reply.dryRun !== true;
      const status = print(reply, common, goesOn ? { ...io, out: io.err } : io);
      if (goesOn) await follow(client, io);
      return status;
    } finally {
      await client.close();
    }
  } catch (error) {
    return failed(error, unreachable, io);
  }
}

/** Writes the events of a trace, a JSON object a line, until it has ended. */
async function follow(client: CtlClient, io: CtlIo): Promise<void> {
  for await (const text of client.told()) {
    const lines = text.split("\n").filter((line) => line !== "");
    for (const line of lines) io.out(`${harmless(line)}\n`);
    if (lines.some((line) => JSON.parse(line).type === "end")) return;
  }
}

function print(reply: Reply, { output }: Common, io: CtlIo): number {
  const { ok, data, error } = reply;
  if (output === "json") io.out(`${asJson(reply)}\n`);
  else if (ok) {
    const text = asText(reply);
    if (text !== "") io.out(`${text}\n`);
    const next = data?.["next"];
    if (next !== undefined && next !== null) {
      io.err(`there are more: --all, or --after ${asJsonText(next)}\n`);
    }
  }
  if (ok) return done;
  io.err(`dunlin ctl: ${harmless(`${error?.reason}: ${error?.detail}`)}\n`);
  return refused;
}

function asJsonText(value: unknown): string {
  return harmless(JSON.stringify(value));
}

function failed(error: unknown, status: number, io: CtlIo): number {
  const words = error instanceof Error ? error.message : String(error);
  io.err(`dunlin ctl: ${words.split("\n").map(harmless).join("\n")}\n`);
  return status;
}

/** What `--json` says, which has to be an object. */
function jsonInput(json: string | undefined, io: CtlIo): Input {
  if (json === undefined) return {};
  const text = json.startsWith("@") ? io.readFile(json.slice(1)) : json;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`--json is no JSON: ${words}`, { cause: error });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Input;
  throw new Error("--json: expected an object");
}

/** A password on the command line could be read by everybody on the machine, so there is none. */
function loginOf({ as = "", username, passwordFile }: Common, io: CtlIo): Login {
  const password = passwordFile === undefined
    ? io.env("DUNLIN_PASSWORD")
    : io.readFile(passwordFile).split(/\r?\n/, 1)[0]!;
  return {
    clientId: as,
    username: username ?? io.env("DUNLIN_USERNAME"),
    password: password === undefined ? undefined : new TextEncoder().encode(password),
  };
}

function portOf(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError("A port is a whole number from 1 to 65535.");
}

function secondsOf(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1) return Number(text);
  throw new InvalidArgumentError("Expected whole seconds, from 1 to 9999.");
}

function writeAll(to: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
}
