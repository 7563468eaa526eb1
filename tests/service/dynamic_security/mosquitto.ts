/**
 * A real Mosquitto with its dynamic-security plugin, asked over `$CONTROL`: the oracle.
 */

import assert from "node:assert/strict";
import mqtt from "mqtt";
import { tool } from "../../end_to_end/tools.ts";
import { within } from "../../end_to_end/within.ts";
import { freePort } from "../../free_port.ts";

const PLUGINS = ["x86_64", "aarch64", "arm"].map((machine) =>
  `/usr/lib/${machine}-linux-gnu${machine === "arm" ? "eabihf" : ""}/mosquitto_dynamic_security.so`
);
const TOPIC = "$CONTROL/dynamic-security/v1";

export interface Oracle {
  readonly url: string;
  /** The responses to a request of these commands. */
  readonly ask: (commands: readonly unknown[]) => Promise<readonly unknown[]>;
  readonly stop: () => Promise<void>;
}

/** The path of the plugin; undefined: it is not installed. */
export function plugin(): string | undefined {
  if (tool("mosquitto") === undefined || tool("mosquitto_ctrl") === undefined) return undefined;
  return PLUGINS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Starts one that knows nobody but its administrator. */
export async function startOracle(): Promise<Oracle> {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-dynsec-" });
  const port = freePort();
  const made = await new Deno.Command(tool("mosquitto_ctrl")!, {
    args: ["dynsec", "init", `${directory}/state.json`, "admin", "secret"],
    stdin: "null",
  }).output();
  assert.ok(made.success, new TextDecoder().decode(made.stderr));
  await Deno.writeTextFile(
    `${directory}/mosquitto.conf`,
    `listener ${port} 127.0.0.1\nuser root\nallow_anonymous true\nplugin ${plugin()}\n` +
      `plugin_opt_config_file ${directory}/state.json\n`,
  );
  const child = new Deno.Command(tool("mosquitto")!, {
    args: ["-c", `${directory}/mosquitto.conf`],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("running")) {
    const { value, done } = await within(reader.read(), "mosquitto to start");
    assert.ok(!done, `mosquitto ended: ${text}`);
    text += value;
  }
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  const url = `mqtt://127.0.0.1:${port}`;
  const client = await mqtt.connectAsync(url, {
    username: "admin",
    password: "secret",
    protocolVersion: 5,
    reconnectPeriod: 0,
  });
  await client.subscribeAsync(`${TOPIC}/response`);
  const waiting: ((responses: readonly unknown[]) => void)[] = [];
  client.on("message", (_, payload) => waiting.shift()?.(JSON.parse(payload.toString()).responses));
  return {
    url,
    async ask(commands) {
      const answer = new Promise<readonly unknown[]>((resolve) => waiting.push(resolve));
      client.publish(TOPIC, JSON.stringify({ commands }), { qos: 0 });
      return await within(answer, "mosquitto's answer");
    },
    async stop() {
      client.end(true);
      try {
        child.kill("SIGTERM");
      } catch {
        // It has crashed.
      }
      await child.status;
      await drained;
      await Deno.remove(directory, { recursive: true });
    },
  };
}
