/** `dunlin why`, run as a sub-process of the real main.ts. */

import assert from "node:assert/strict";
import { runDunlin } from "../run_program.ts";

const FILE = `{
  // whom and what
  "access": [
    { "name": "own", "permission": "allow", "topics": "dev/\${clientid}/#" },
    { "permission": "deny", "topics": ["=#", "secret/#"] },
    {
      "permission": "allow",
      "who": { "role": "ops", "address": "10.0.0.0/8", "listener": "plain" },
      "action": ["publish", "subscribe"], "qos": [0, 1]
    },
    { "permission": "allow", "action": "publish", "retain": true, "topics": "\${cert.cn}/state" },
    { "permission": "deny", "action": "connect", "who": { "not": { "user": "*" } } }
  ]
}
`;

async function why(...args: readonly string[]) {
  const directory = await Deno.makeTempDir({ prefix: "dunlin-why-" });
  try {
    await Deno.writeTextFile(`${directory}/a.json`, FILE);
    const options = { cwd: directory };
    return await runDunlin(["--allow-read", "--allow-env"], ["why", ...args], options);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** [what is asked, the exit status, what is printed] */
const asked: readonly (readonly [string, number, string])[] = [
  [
    "--client c1 --action publish --topic dev/c1/x",
    0,
    'permitted: publish "dev/c1/x"\nby access[0] "own", a.json:4:5\n',
  ],
  [
    "--client c1 --action publish --topic $delayed/5/secret/x",
    1,
    'denied: publish "$delayed/5/secret/x"\nby access[1], a.json:5:5\n',
  ],
  [
    "--action subscribe --topic $share/g/#",
    1,
    'denied: subscribe "$share/g/#"\nby access[1], a.json:5:5\n',
  ],
  [
    "--user ada --role day ops --address 10.1.2.3 --listener plain --action subscribe --topic + --qos 1",
    0,
    'permitted: subscribe "+"\nby access[2], a.json:6:5\n',
  ],
  [
    "--role ops --address 10.1.2.3 --listener plain --action subscribe --topic + --qos 2",
    1,
    'denied: subscribe "+"\nby no rule of access matches, which denies\n',
  ],
  [
    "--certificate cn=p7 --action publish --topic p7/state --retain",
    0,
    'permitted: publish "p7/state"\nby access[3], a.json:11:5\n',
  ],
  ["--action connect", 1, "denied: connect\nby access[4], a.json:12:5\n"],
  [
    "--action publish --topic $SYS/x",
    1,
    'denied: publish "$SYS/x"\nby built in: only the broker publishes below $SYS\n',
  ],
];
for (const [args, status, out] of asked) {
  Deno.test(`dunlin why names the rule when asked ${args}`, async () => {
    assert.deepEqual(await why("--config", "a.json", ...args.split(" ")), { status, out, err: "" });
  });
}

/** [what is asked, what is told] */
const wrong: readonly (readonly [string, RegExp])[] = [
  ["--config a.json --action publish", /--topic is missing/],
  ["--config a.json --action publish --topic a/#", /wildcard/],
  ["--config a.json --action subscribe --topic a#", /wildcard/],
  ["--config a.json --action fly --topic a", /connect, publish, subscribe, receive/],
  ["--config none.json --action connect", /none\.json/],
];
for (const [args, told] of wrong) {
  Deno.test(`dunlin why exits 2 and says what is wrong when asked ${args}`, async () => {
    const { status, out, err } = await why(...args.split(" "));
    assert.deepEqual([status, out], [2, ""]);
    assert.match(err, told);
  });
}
