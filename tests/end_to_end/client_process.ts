/**
 * Stock clients as processes of their own: mosquitto_pub, mosquitto_sub, and a Python script with paho.
 */

import assert from "node:assert/strict";
import { Lines } from "./lines.ts";
import { tool } from "./tools.ts";
import { within } from "./within.ts";

/** A client that runs until it is stopped, or by itself. */
export interface ClientProcess {
  readonly out: Lines;
  /** Waits for the end by itself; fails unless the exit status is 0. The lines of its output. */
  readonly done: () => Promise<readonly string[]>;
  /** Ends it by a signal: SIGTERM lets it send DISCONNECT, SIGKILL does not. */
  readonly stop: (signal?: Deno.Signal) => Promise<void>;
}

/** Starts a program. */
export function startClient(path: string, args: readonly string[]): ClientProcess {
  const child = new Deno.Command(path, {
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const out = new Lines(child.stdout);
  const err = new Lines(child.stderr);
  const name = `${path} ${args.join(" ")}`;
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  globalThis.addEventListener("unload", kill);
  const end = async () => {
    const status = await within(child.status, () => `${name} to end:\n${err.all.join("\n")}`)
      .finally(kill);
    globalThis.removeEventListener("unload", kill);
    await Promise.all([out.ended, err.ended]);
    return status;
  };
  return {
    out,
    async done() {
      const { code } = await end();
      assert.equal(code, 0, `${name}:\n${[...out.all, ...err.all].join("\n")}`);
      return out.all;
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await end();
    },
  };
}

/** Runs mosquitto_pub to its end. */
export async function mosquittoPub(port: number, ...args: string[]): Promise<void> {
  await startClient(tool("mosquitto_pub")!, ["-p", `${port}`, ...args]).done();
}

/**
 * Starts mosquitto_sub; done when its subscription is granted. Its output lines are what `-F` says, the
 * debug lines that tell of the SUBACK are cut out of it.
 */
export async function mosquittoSub(port: number, ...args: string[]): Promise<ClientProcess> {
  const client = startMosquittoSub(port, ...args);
  await client.out.find((line) => line.startsWith("Subscribed"), "SUBACK at mosquitto_sub");
  return client;
}

/** The same without waiting for the subscription. */
export function startMosquittoSub(port: number, ...args: string[]): ClientProcess {
  return startClient(tool("stdbuf")!, [
    "-oL",
    tool("mosquitto_sub")!,
    "-p",
    `${port}`,
    "-d",
    ...args,
  ]);
}

/** The messages among the lines of a mosquitto_sub whose format begins with `>`. */
export function messages(client: ClientProcess): readonly string[] {
  return client.out.all.filter((line) => line.startsWith(">")).map((line) => line.slice(1));
}

/** Waits until mosquitto_sub has printed that many messages; all of them. */
export async function receive(client: ClientProcess, count: number): Promise<readonly string[]> {
  await client.out.find(() => messages(client).length >= count, `${count} messages`);
  return messages(client);
}

/** Starts the script with paho; see there for what it does. */
export function startPaho(
  port: number,
  version: 3 | 4 | 5,
  clientId: string,
  filter: string,
  ownTopic: string,
  count: number,
): ClientProcess {
  const script = new URL("./paho_client.py", import.meta.url).pathname;
  const args = [script, port, version, clientId, filter, ownTopic, count].map(String);
  return startClient(tool("paho")!, args);
}
