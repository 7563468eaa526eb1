/**
 * One mosquitto.conf, its acl_file and password file, under the real mosquitto of Debian and, by
 * `dunlin import`, under the real dunlin: what each client may publish and gets has to be the same.
 */

import assert from "node:assert/strict";
import type mqtt from "mqtt";
import { freePort } from "../free_port.ts";
import { startBroker } from "./broker_process.ts";
import type { JsClient } from "./mqttjs_client.ts";
import { connectJs } from "./mqttjs_client.ts";
import { tool, toolTest } from "./tools.ts";
import { within } from "./within.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

const ACL = `# without a user: for anonymous clients
topic read public/#
topic write inbox/+

user root
topic readwrite #
topic readwrite $x/#

user ada
topic readwrite plant/#
topic deny plant/secret/#
topic write only/write
topic read only/read
topic readwrite a topic
topic read $x/y

user bob
topic deny own/bob/private
topic +/shared

pattern read marker/#
pattern readwrite own/%u/#
pattern write dev/%c/up
pattern read dev/%c/down
pattern deny own/%u/private
`;

interface Who {
  readonly user?: string;
  readonly id: string;
}

const ada: Who = { user: "ada", id: "c1" }, bob: Who = { user: "bob", id: "c2" };
const nobody: Who = { id: "c3" }, plus: Who = { user: "a+b", id: "c4" }, hash: Who = { id: "c#" };

/** Each is tried both ways. */
const attempts: readonly (readonly [Who, topic: string])[] = [
  [ada, "plant/1"],
  [ada, "plant/secret/1"],
  [ada, "only/write"],
  [ada, "only/read"],
  [ada, "a topic"],
  [ada, "$x/y"],
  [ada, "public/1"], // what anonymous clients may is nothing to users
  [ada, "own/ada/1"],
  [ada, "own/bob/1"],
  [ada, "own/ada/private"],
  [ada, "dev/c1/up"],
  [ada, "dev/c1/down"],
  [ada, "dev/c2/up"],
  [bob, "own/bob/1"],
  [bob, "own/bob/private"],
  [bob, "x/shared"],
  [bob, "x/y/shared"],
  [nobody, "public/1"],
  [nobody, "inbox/1"],
  [nobody, "inbox/1/2"],
  [nobody, "own//1"],
  [nobody, "dev/c3/up"],
  [nobody, "dev/c3/down"],
  [plus, "own/a-b/1"],
  [plus, "marker/x"],
  [hash, "marker/x"],
  [hash, "public/1"],
];

const credentials = ({ user }: Who): Partial<mqtt.IClientOptions> =>
  user === undefined ? {} : { username: user, password: `${user} secret` };

/** Who may do what: a line for each attempt, and for each connection that is refused. */
async function outcomes(port: number): Promise<string[]> {
  const lines: string[] = [];
  const root = await connectJs(port, "root", credentials({ user: "root", id: "root" }));
  for (const [who, topic] of attempts) {
    const client = await connectJs(port, who.id, credentials(who));
    const words = `${who.user ?? "anonymous"} ${who.id} ${topic}`;
    const published = await mayPublish(client, topic);
    lines.push(`${words}: publish ${published}, receive ${await receives(client, root, topic)}`);
    await client.end();
  }
  for (const options of [{ username: "ada", password: "wrong" }, { username: "eve" }]) {
    const outcome = await connectJs(port, "c5", options).then(() => "in", () => "refused");
    lines.push(`${JSON.stringify(options)}: ${outcome}`);
  }
  await root.end();
  return lines;
}

function mayPublish({ client }: JsClient, topic: string): Promise<boolean> {
  const done = new Promise<boolean>((resolve, reject) => {
    client.publish(topic, "x", { qos: 1 }, (error) => {
      const code = (error as { code?: number } | undefined)?.code;
      if (error === undefined || error === null) resolve(true);
      else if (code === 0x87) resolve(false);
      else reject(error);
    });
  });
  return within(done, `PUBACK for ${topic}`);
}

/** Both subscribe to all; root sends there, and then where root itself gets it back: by then all is out. */
async function receives(subject: JsClient, root: JsClient, topic: string): Promise<boolean> {
  const filters = ["#", "$x/#"];
  for (const filter of filters) {
    await within(subject.client.subscribeAsync(filter, { qos: 0 }).catch(() => {}), "SUBACK");
  }
  const before = subject.messages.length;
  await within(root.client.publishAsync(topic, "y", { qos: 1 }), "PUBACK for root");
  // The answer to a PUBLISH of its own comes behind what was sent to it before.
  await mayPublish(subject, "nowhere/at/all");
  const got = subject.messages.slice(before);
  return got.some((message) => message.topic === topic && message.payload === "y");
}

async function run(path: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, stderr } = await new Deno.Command(path, { args: [...args], cwd }).output();
  const words = new TextDecoder().decode(stderr);
  assert.equal(code, 0, `${path} ${args.join(" ")}:\n${words}`);
  return words;
}

/** Runs mosquitto for as long as `use` takes. */
async function underMosquitto<T>(conf: string, port: number, use: () => Promise<T>): Promise<T> {
  const child = new Deno.Command(tool("mosquitto")!, {
    args: ["-c", conf],
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await within(listening(port), "mosquitto to listen");
    return await use();
  } finally {
    child.kill("SIGTERM");
    await within(child.status, "mosquitto to end");
  }
}

async function listening(port: number): Promise<void> {
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

toolTest(
  ["mosquitto", "mosquitto_passwd"],
  "dunlin import keeps who may do what under mosquitto",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "dunlin-import-" });
    try {
      const port = freePort();
      const conf = `${directory}/mosquitto.conf`;
      await Deno.writeTextFile(`${directory}/acl`, ACL);
      await Deno.writeTextFile(`${directory}/pw`, "");
      for (const user of ["root", "ada", "bob", "a+b"]) {
        await run(tool("mosquitto_passwd")!, ["-b", "pw", user, `${user} secret`], directory);
      }
      // As root, mosquitto becomes a user who has to be able to read its files.
      await Deno.writeTextFile(
        conf,
        `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n` +
          `acl_file ${directory}/acl\npassword_file ${directory}/pw\n`,
      );
      const theirs = await underMosquitto(conf, port, () => outcomes(port));
      const said = await run(
        Deno.execPath(),
        ["run", "--quiet", "-A", MAIN, "import", conf, "--output", "dunlin.json"],
        directory,
      );
      assert.match(said, /mosquitto\.conf:3: lost: user: /);
      await run(Deno.execPath(), ["run", "--quiet", "-A", MAIN, "check", "dunlin.json"], directory);
      const config = JSON.parse(await Deno.readTextFile(`${directory}/dunlin.json`));
      const broker = await startBroker({ ...config, log: { format: "json" } });
      const ours = await outcomes(broker.port);
      await broker.stop();
      assert.deepEqual(ours, theirs);
      const counts = [true, false].flatMap((is) => [`publish ${is}`, `receive ${is}`])
        .map((text) => theirs.filter((line) => line.includes(text)).length);
      assert.ok(counts.every((count) => count >= 5), `too little was tried: ${counts}`);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
