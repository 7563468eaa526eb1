/**
 * Dynamic security through the front door: managed by Mosquitto's own mosquitto_ctrl and over MQTT, in force at
 * once, kept over a restart, begun with a file of Mosquitto's plugin.
 */

import assert from "node:assert/strict";
import mqtt from "mqtt";
import type { MqttClient } from "mqtt";
import { Reason } from "../../src/packet/reason_code.ts";
import type { BrokerProcess } from "./broker_process.ts";
import { startBroker } from "./broker_process.ts";
import { tool } from "./tools.ts";
import { within } from "./within.ts";

const TOPIC = "$CONTROL/dynamic-security/v1";
const ADMIN = { username: "admin", password: "secret" };

interface Command {
  readonly command: string;
  readonly [field: string]: unknown;
}

/** A broker whose data are in a directory of the test's, with an administrator. */
async function withBroker(
  run: (broker: BrokerProcess, again: () => Promise<BrokerProcess>) => Promise<void>,
  section: unknown = { adminPassword: ADMIN.password },
) {
  const data = await Deno.makeTempDir({ prefix: "dunlin-dynsec-" });
  const start = () => startBroker({ data, dynamicSecurity: section });
  let broker: BrokerProcess | undefined = await start();
  try {
    await run(broker, async () => {
      const before = broker!;
      broker = undefined;
      await before.stop();
      return broker = await start();
    });
  } finally {
    await broker?.stop();
    await Deno.remove(data, { recursive: true });
  }
}

function connect(broker: BrokerProcess, options: mqtt.IClientOptions): Promise<MqttClient> {
  return within(
    mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...options,
    }),
    "CONNACK",
  );
}

/** The Reason Code of a CONNACK that refuses. */
async function refusal(broker: BrokerProcess, options: mqtt.IClientOptions): Promise<unknown> {
  const client = await connect(broker, options).catch((error) => error);
  if (!(client instanceof Error)) {
    client.end(true);
    return "let in";
  }
  return (client as Error & { readonly code: unknown }).code;
}

/** Who manages: a request, and its responses. */
async function manager(broker: BrokerProcess, who: mqtt.IClientOptions = ADMIN) {
  const client = await connect(broker, who);
  const waiting: ((responses: { readonly error?: string; readonly data?: unknown }[]) => void)[] =
    [];
  client.on("message", (_, payload) => waiting.shift()?.(JSON.parse(payload.toString()).responses));
  await client.subscribeAsync(`${TOPIC}/response`);
  return {
    client,
    async ask(...commands: readonly Command[]) {
      const answer = new Promise<{ readonly error?: string; readonly data?: unknown }[]>(
        (resolve) => waiting.push(resolve),
      );
      await client.publishAsync(TOPIC, JSON.stringify({ commands }), { qos: 1 });
      return await within(answer, `the answer to ${JSON.stringify(commands)}`);
    },
    /** The same where nothing is refused. */
    async do(...commands: readonly Command[]) {
      const responses = await this.ask(...commands);
      for (const [at, { error }] of responses.entries()) {
        assert.equal(error, undefined, JSON.stringify(commands[at]));
      }
      return responses;
    },
    end: () => client.end(true),
  };
}

/** A role that lets its clients do everything. */
const ALL: Command = {
  command: "createRole",
  rolename: "all",
  acls: [
    { acltype: "publishClientSend", topic: "#", allow: true },
    { acltype: "subscribePattern", topic: "#", allow: true },
  ],
};
const ANNA: Command = {
  command: "createClient",
  username: "anna",
  password: "a",
  roles: [{ rolename: "all" }],
};
const AS_ANNA = { username: "anna", password: "a" };

/** [arguments of mosquitto_ctrl dynsec, what it prints], in this order: every command that it knows. */
const steps: readonly (readonly [string, string])[] = [
  [
    "getDefaultACLAccess",
    "publishClientSend    : deny\npublishClientReceive : allow\n" +
    "subscribe            : deny\nunsubscribe          : allow",
  ],
  ["setDefaultACLAccess unsubscribe deny", ""],
  ["createRole reader", ""],
  ["createRole writer", ""],
  ["createRole reader", "createRole: Error: Role already exists"],
  ["addRoleACL reader subscribePattern a/# allow 5", ""],
  ["addRoleACL writer publishClientSend a/# allow", ""],
  ["addRoleACL writer publishClientSend a/secret deny 3", ""],
  ["addRoleACL writer unsubscribeLiteral a/x deny", ""],
  ["removeRoleACL writer unsubscribeLiteral a/x", ""],
  [
    "getRole writer",
    "Rolename: writer\nACLs:     publishClientSend    : deny  : a/secret (priority: 3)\n" +
    "          publishClientSend    : allow : a/# (priority: 0)",
  ],
  ["listRoles", "admin\nreader\nwriter"],
  ["listRoles 1 1", "reader"],
  ["createGroup crew", ""],
  ["createGroup spare", ""],
  ["addGroupRole crew reader 4", ""],
  ["addGroupRole spare writer", ""],
  ["removeGroupRole spare writer", ""],
  ["createClient anna -p a -c pump", ""],
  ["createClient ben -p b", ""],
  ["createClient ben -p b", "createClient: Error: Client already exists"],
  ["setClientPassword ben c", ""],
  ["setClientId ben valve", ""],
  ["addClientRole anna writer 7", ""],
  ["addClientRole ben writer", ""],
  ["removeClientRole ben writer", ""],
  ["addGroupClient crew anna 2", ""],
  ["addGroupClient crew ben", ""],
  ["removeGroupClient crew ben", ""],
  ["disableClient ben", ""],
  [
    "getClient anna",
    "Username: anna\nClientid: pump\nRoles:    writer (priority: 7)\nGroups:   crew (priority: 2)",
  ],
  ["getClient ben", "Username: ben\nClientid: valve\nDisabled: true"],
  ["enableClient ben", ""],
  ["listClients", "admin\nanna\nben"],
  ["listClients 1 2", "ben"],
  ["getGroup crew", "Groupname: crew\nRoles:    reader (priority: 4)\nClients:  anna"],
  ["listGroups", "crew\nspare"],
  ["setAnonymousGroup spare", ""],
  ["getAnonymousGroup", "spare"],
  ["deleteClient ben", ""],
  ["deleteClient ben", "deleteClient: Error: Client not found"],
  ["setAnonymousGroup crew", ""],
  ["deleteGroup spare", ""],
  ["createRole short", ""],
  ["deleteRole short", ""],
];

/** [arguments, what it prints] after all of them, and after a restart. */
const left: readonly (readonly [string, string])[] = [
  ["listClients", "admin\nanna"],
  ["listGroups", "crew"],
  ["listRoles", "admin\nreader\nwriter"],
  ["getAnonymousGroup", "crew"],
  [
    "getDefaultACLAccess",
    steps[0]![1].replace("unsubscribe          : allow", "unsubscribe          : deny"),
  ],
  ["getClient anna", steps.find(([args]) => args === "getClient anna")![1]],
  ["getGroup crew", steps.find(([args]) => args === "getGroup crew")![1]],
  ["getRole writer", steps.find(([args]) => args === "getRole writer")![1]],
];

async function dynsec(broker: BrokerProcess, args: string): Promise<string> {
  const connection = ["-h", "127.0.0.1", "-p", String(broker.port), "-u", "admin", "-P", "secret"];
  const { stdout, stderr } = await new Deno.Command(tool("mosquitto_ctrl")!, {
    args: [...connection, "dynsec", ...args.split(" ")],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return text.replace(/^Warning: You are running[^]*?passwords\.\n\n?/m, "").trimEnd()
    .replaceAll(/ +$/gm, "");
}

/** Without the blanks that make columns. */
function narrow(text: string): string {
  return text.replaceAll(/ +/g, " ");
}

Deno.test({
  name: "mosquitto_ctrl dynsec manages dunlin with every command that it knows, and all is kept",
  ignore: tool("mosquitto_ctrl") === undefined,
  async fn() {
    await withBroker(async (broker, again) => {
      for (const [args, expected] of steps) {
        assert.equal(narrow(await dynsec(broker, args)), narrow(expected), args);
      }
      for (const [args, expected] of left) {
        assert.equal(narrow(await dynsec(broker, args)), narrow(expected), args);
      }
      broker = await again();
      for (const [args, expected] of left) {
        assert.equal(narrow(await dynsec(broker, args)), narrow(expected), args);
      }
      const anna = await connect(broker, { ...AS_ANNA, clientId: "pump" });
      await anna.publishAsync("a/b", "", { qos: 1 });
      await assert.rejects(anna.publishAsync("a/secret", "", { qos: 1 }), { code: 135 });
      anna.end(true);
    });
  },
});

Deno.test("dynamic security lets nobody do anything at first but the one that manages it", async () => {
  await withBroker(async (broker) => {
    const anonymous = await connect(broker, {});
    await assert.rejects(anonymous.publishAsync("a", "", { qos: 1 }), { code: 135 });
    await assert.rejects(anonymous.publishAsync(TOPIC, "{}", { qos: 1 }), { code: 135 });
    await assert.rejects(anonymous.subscribeAsync("a"));
    anonymous.end(true);
    assert.equal(await refusal(broker, { username: "admin", password: "wrong" }), 134);
    assert.equal(await refusal(broker, { username: "nobody", password: "secret" }), 134);
    const admin = await manager(broker);
    assert.deepEqual((await admin.do({ command: "listClients" }))[0]!.data, {
      totalCount: 1,
      clients: ["admin"],
    });
    await assert.rejects(admin.client.publishAsync("a", "", { qos: 1 }), { code: 135 });
    admin.end();
  });
});

Deno.test("dynamic security is in force at once for what is published, subscribed to and received", async () => {
  await withBroker(async (broker) => {
    const admin = await manager(broker);
    await admin.do(ALL, ANNA, { ...ANNA, username: "ben" });
    const anna = await connect(broker, AS_ANNA),
      ben = await connect(broker, {
        ...AS_ANNA,
        username: "ben",
      });
    const received: string[] = [];
    ben.on("message", (topic) => received.push(topic));
    await ben.subscribeAsync("#");
    await anna.publishAsync("open", "", { qos: 1 });
    await admin.do(
      {
        command: "addRoleACL",
        rolename: "all",
        acltype: "publishClientReceive",
        topic: "hidden",
        allow: false,
      },
      {
        command: "addRoleACL",
        rolename: "all",
        acltype: "publishClientSend",
        topic: "shut",
        priority: 1,
        allow: false,
      },
      {
        command: "addRoleACL",
        rolename: "all",
        acltype: "unsubscribePattern",
        topic: "#",
        allow: false,
      },
      { command: "addRoleACL", rolename: "all", acltype: "subscribeLiteral", topic: "no" },
    );
    await anna.publishAsync("hidden", "", { qos: 1 });
    await assert.rejects(anna.publishAsync("shut", "", { qos: 1 }), { code: Reason.notAuthorized });
    await assert.rejects(anna.subscribeAsync("no"));
    await anna.publishAsync("last", "", { qos: 1 });
    const unsuback = new Promise((resolve) =>
      ben.on("packetreceive", (packet) => {
        if (packet.cmd === "unsuback") resolve(packet.granted);
      })
    );
    ben.unsubscribe("#");
    assert.deepEqual(await within(unsuback, "UNSUBACK"), [Reason.notAuthorized]);
    await anna.publishAsync("last", "", { qos: 1 });
    const two = new Promise<void>((resolve) =>
      ben.on("message", () => {
        if (received.length >= 3) resolve();
      })
    );
    if (received.length < 3) await within(two, "three messages");
    assert.deepEqual(received, ["open", "last", "last"]);
    anna.end(true);
    ben.end(true);
    admin.end();
  });
});

/** [what is asked, whether the client may come back as it was] */
const ends: readonly (readonly [Command, unknown])[] = [
  [{ command: "disableClient", username: "anna" }, Reason.notAuthorized],
  [{ command: "deleteClient", username: "anna" }, Reason.badUserNameOrPassword],
  [{ command: "setClientPassword", username: "anna", password: "b" }, Reason.badUserNameOrPassword],
  [{ command: "setClientId", username: "anna", clientid: "own" }, Reason.notAuthorized],
  [{ command: "removeClientRole", username: "anna", rolename: "all" }, "let in"],
];
Deno.test("dynamic security sends a client off when it is disabled, deleted or changed", async () => {
  await withBroker(async (broker) => {
    const admin = await manager(broker);
    await admin.do(ALL);
    for (const [command, comesBack] of ends) {
      await admin.do(ANNA);
      const anna = await connect(broker, AS_ANNA);
      const code = new Promise((resolve) =>
        anna.on("disconnect", ({ reasonCode }) => resolve(reasonCode))
      );
      await admin.do(command);
      assert.equal(await within(code, "DISCONNECT"), Reason.administrativeAction, command.command);
      assert.equal(await refusal(broker, AS_ANNA), comesBack, command.command);
      await admin.ask({ command: "deleteClient", username: "anna" });
    }
    admin.end();
  });
});

Deno.test("dynamic security ends the session of a client that is deleted", async () => {
  await withBroker(async (broker) => {
    const admin = await manager(broker);
    await admin.do(ALL, ANNA);
    const stored = {
      ...AS_ANNA,
      clientId: "s",
      clean: false,
      properties: { sessionExpiryInterval: 600 },
    };
    const anna = await connect(broker, stored);
    await anna.subscribeAsync("#", { qos: 1 });
    await anna.endAsync();
    await admin.do({ command: "deleteClient", username: "anna" });
    await broker.logged(
      ({ message, clientId }) => message === "session ended" && clientId === "s",
      "the end of the session",
    );
    await admin.do(ANNA);
    const next = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
      ...stored,
      protocolVersion: 5,
      reconnectPeriod: 0,
    });
    const connack = new Promise<boolean>((resolve) =>
      next.on("connect", ({ sessionPresent }) => resolve(sessionPresent))
    );
    assert.equal(await within(connack, "CONNACK"), false);
    next.end(true);
    admin.end();
  });
});

Deno.test("dynamic security makes up a password when none is configured, for the owner alone", async () => {
  await withBroker(async (broker, again) => {
    const made = await broker.logged(({ message }) => /made up/.test(message), "where it is");
    const path = String(made.path);
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    const [username, password] = (await Deno.readTextFile(path)).trim().split("\n");
    assert.ok(!JSON.stringify(broker.log()).includes(password!));
    (await manager(broker, { username: username!, password: password! })).end();
    await Deno.remove(path);
    broker = await again();
    (await manager(broker, { username: username!, password: password! })).end();
    assert.equal(await Deno.stat(path).catch(() => "none"), "none");
  }, {});
});

Deno.test({
  name: "dynamic security begins with a file of Mosquitto's plugin, passwords included",
  ignore: tool("mosquitto_ctrl") === undefined,
  async fn() {
    const importFile = await Deno.makeTempFile({ prefix: "dunlin-dynsec-" });
    await Deno.remove(importFile);
    await new Deno.Command(tool("mosquitto_ctrl")!, {
      args: ["dynsec", "init", importFile, "boss", "theirs"],
      stdin: "null",
    }).output();
    try {
      await withBroker(async (broker) => {
        const boss = await manager(broker, { username: "boss", password: "theirs" });
        const [{ data }] = await boss.do({ command: "getClient", username: "boss" }) as [
          { readonly data: unknown },
        ];
        assert.deepEqual(data, {
          client: {
            username: "boss",
            textname: "Dynsec admin user",
            roles: [{ rolename: "admin" }],
            groups: [],
          },
        });
        boss.end();
      }, { importFile });
    } finally {
      await Deno.remove(importFile);
    }
  },
});
