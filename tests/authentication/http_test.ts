/** Clients by another server: what it is asked, what it may say, and what happens when it does not. */

import assert from "node:assert/strict";
import { cached } from "../../src/authentication/cached.ts";
import { ignoringFailures, type Verifier } from "../../src/authentication/chain.ts";
import { type HttpOptions, httpVerifier } from "../../src/authentication/http.ts";
import { Remote, type RemoteOptions } from "../../src/authentication/remote.ts";
import { unknownPlace } from "../../src/authentication/template.ts";
import { asking, stillClock, wordsOf } from "./asking.ts";

type Handler = (request: Request) => Response | Promise<Response>;

interface World {
  readonly verifier: Verifier;
  readonly clock: ReturnType<typeof stillClock>;
  /** What was asked so far. */
  readonly asked: { method: string; url: string; headers: Headers; body: string }[];
  /** Why it could not be asked. */
  readonly reasons: string[];
  readonly opened: boolean[];
  answer: Handler;
}

const body = [
  { name: "u", value: "${username}" },
  { name: "p", value: "${password}" },
  { name: "c", value: "${clientid}@${address}/${listener}" },
];

/** Runs a test against a server on 127.0.0.1. */
async function withServer(
  test: (world: World) => Promise<void>,
  options: Partial<HttpOptions> & { path?: string } = {},
  remoteOptions: Partial<RemoteOptions> = {},
): Promise<void> {
  const clock = stillClock();
  const opened: boolean[] = [];
  const asked: World["asked"] = [];
  const reasons: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { method, url, headers } = request;
    asked.push({ method, url: url.replace(/^.*?:\d+/, ""), headers, body: await request.text() });
    return world.answer(request);
  });
  const { path = "/auth", ...more } = options;
  const remote = new Remote({
    timeout: 10_000,
    largest: 1_000,
    atOnce: 4,
    mostWaiting: 10,
    failures: 100,
    pause: 5_000,
    authorities: [],
    now: clock.now,
    changed: (open) => opened.push(open),
    ...remoteOptions,
  });
  const verifier = httpVerifier({
    method: "POST",
    url: `http://127.0.0.1:${server.addr.port}${path}`,
    headers: [{ name: "X-Key", value: "k" }],
    body,
    format: "json",
    remote,
    failed: (reason) => reasons.push(reason),
    ...more,
  });
  const world: World = {
    verifier,
    clock,
    asked,
    reasons,
    opened,
    answer: () => new Response(null, { status: 204 }),
  };
  try {
    await test(world);
  } finally {
    verifier.close?.();
    await server.shutdown();
  }
}

function json(value: unknown, status = 200): Handler {
  return () => Response.json(value, { status });
}

function status(code: number): Handler {
  return () => new Response(null, { status: code });
}

/** [when, what the server answers, outcome] */
const answers: readonly (readonly [string, Handler, string])[] = [
  ["it says 204", status(204), "ada"],
  ["it says 200 and nothing more", status(200), "ada"],
  ["it allows", json({ result: "allow" }), "ada"],
  ["it allows with roles", json({ result: "allow", roles: ["a", "b"] }), "ada [a b]"],
  ["it knows the user by another name", json({ result: "allow", user: "zoë" }), "zoë"],
  ["it gives rules", json({ result: "allow", acl: [{ permission: "deny" }] }), "ada"],
  ["its rules are null", json({ result: "allow", acl: null }), "ada"],
  ["its rules are no list", json({ result: "allow", acl: {} }), "0x87"],
  ["one of its rules is wrong", json({ result: "allow", acl: [{}] }), "0x87"],
  ["it denies with 200", json({ result: "deny" }), "0x87"],
  ["it does not know with 200", json({ result: "ignore" }), "unknown"],
  ["it says 401", status(401), "0x87"],
  ["it says 403 and allows", json({ result: "allow" }, 403), "0x87"],
  ["it says 404", status(404), "unknown"],
  ["it says 500", status(500), "0x88"],
  ["it says 500 and allows", json({ result: "allow" }, 500), "0x88"],
  ["it says 429", status(429), "0x88"],
  ["it sends elsewhere", () => Response.redirect("http://127.0.0.1:9/"), "0x88"],
  ["it shows a login page", () => html("<form>"), "0x88"],
  ["its JSON is broken", () => jsonText("{"), "0x88"],
  ["its JSON says nothing", json({}), "0x88"],
  ["its JSON is no object", json(["allow"]), "0x88"],
  ["its JSON is null", json(null), "0x88"],
  ["its result is not known", json({ result: "yes" }), "0x88"],
  ["it names the broker as the user", json({ result: "allow", user: "$broker" }), "0x88"],
  ["it names nobody as the user", json({ result: "allow", user: "" }), "0x88"],
  ["it makes up a role of the broker", json({ result: "allow", roles: ["$broker"] }), "0x88"],
  ["its roles are no names", json({ result: "allow", roles: "a" }), "0x88"],
  ["its end is no number", json({ result: "allow", expiresAt: "never" }), "0x88"],
  ["it says too much", () => jsonText(`{"result": "allow"}${" ".repeat(2_000)}`), "0x88"],
  ["it never stops talking", () => endless(), "0x88"],
];

function html(text: string): Response {
  return new Response(text, { headers: { "content-type": "text/html" } });
}

function jsonText(text: string): Response {
  return new Response(text, { headers: { "content-type": "application/json" } });
}

function endless(): Response {
  const part = new TextEncoder().encode(" ".repeat(500));
  const stream = new ReadableStream({ pull: (controller) => controller.enqueue(part) });
  return new Response(stream, { headers: { "content-type": "application/json" } });
}

for (const [when, answer, outcome] of answers) {
  Deno.test(`httpVerifier() says ${outcome} when ${when}`, () =>
    withServer(async (world) => {
      world.answer = answer;
      const found = await world.verifier.verify(asking("ada", "pencil"));
      assert.equal(wordsOf(found), outcome);
      assert.equal(world.reasons.length, outcome === "0x88" ? 1 : 0);
      assert.doesNotMatch(found.type === "refused" ? found.detail : "", /pencil|127\.0/);
    }));
}

Deno.test("httpVerifier() gives the identity the rules of the answer, and names the key that is wrong", () =>
  withServer(
    async (world) => {
      const acl = [{ permission: "allow", action: "publish", topic: "t/1", qos: [1] }];
      world.answer = json({ result: "allow", acl });
      const found = await world.verifier.verify(asking("ada", "x"));
      assert.deepEqual(found.type === "accepted" && found.identity.rules, [
        { permission: "allow", action: "publish", qos: [1], retain: undefined, topics: "t/1" },
      ]);
      world.answer = json({ result: "allow", acl: [{ permission: "deny", topics: 7 }] });
      const wrong = await world.verifier.verify(asking("ada", "x"));
      assert.match(wrong.type === "refused" ? wrong.detail : "", /"acl"\[0\] has topics/);
      assert.equal(world.opened.length, 0);
    },
    {},
    { failures: 1 },
  ));

Deno.test("httpVerifier() lets the identity last as long as the answer says", () =>
  withServer(async (world) => {
    world.answer = json({ result: "allow", expiresAt: 1_900_000_000 });
    const found = await world.verifier.verify(asking("ada", "pencil"));
    assert.equal(found.type === "accepted" && found.expiresAt, 1_900_000_000_000);
  }));

const nasty = 'a"}&=?#/\\ü ${password}';

Deno.test("httpVerifier() writes what a client says so that it stays a value: JSON", () =>
  withServer(async (world) => {
    await world.verifier.verify(asking(nasty, nasty, { clientId: nasty, address: "[::1]:9" }));
    const [{ method, url, headers, body }] = world.asked as [World["asked"][0]];
    assert.deepEqual([method, url, headers.get("x-key")], ["POST", "/auth", "k"]);
    assert.equal(headers.get("content-type"), "application/json");
    assert.deepEqual(JSON.parse(body), { u: nasty, p: nasty, c: `${nasty}@::1/test` });
  }));

Deno.test("httpVerifier() writes what a client says so that it stays a value: form and URL", async () => {
  await withServer(
    async (world) => {
      await world.verifier.verify(asking(nasty, nasty));
      const [{ url, headers, body }] = world.asked as [World["asked"][0]];
      assert.equal(headers.get("content-type"), "application/x-www-form-urlencoded");
      assert.deepEqual([...new URLSearchParams(body).keys()], ["u", "p", "c"]);
      assert.equal(new URLSearchParams(body).get("u"), nasty);
      assert.equal(url, `/${encodeURIComponent(nasty)}`);
    },
    { format: "form", path: "/${username}" },
  );
  await withServer(
    async (world) => {
      await world.verifier.verify(asking(nasty, "x&admin=1"));
      const [{ method, url, body }] = world.asked as [World["asked"][0]];
      assert.deepEqual([method, body], ["GET", ""]);
      const query = new URL(url, "http://x").searchParams;
      assert.deepEqual([...query], [["u", nasty], ["p", "x&admin=1"]]);
    },
    { method: "GET", path: "/?u=${username}&p=${password}" },
  );
});

Deno.test("httpVerifier() refuses and asks nobody when a header would become two, or a password is no text", () =>
  withServer(
    async (world) => {
      const split = await world.verifier.verify(asking("a\r\nX-Admin: 1", "pencil"));
      assert.equal(wordsOf(split), "0x88");
      const binary = await world.verifier.verify(asking("ada", Uint8Array.of(0xff)));
      assert.equal(wordsOf(binary), "0x86");
      assert.equal(wordsOf(await world.verifier.verify(asking())), "unknown");
      assert.deepEqual(world.asked, []);
    },
    { headers: [{ name: "X-User", value: "${username}" }] },
  ));

Deno.test("httpVerifier() gives up in time when the server hangs, before or in its answer", async () => {
  for (
    const hang of [
      (held: Promise<Response>) => held,
      () => {
        const stream = new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(10)),
        });
        return new Response(stream, { headers: { "content-type": "application/json" } });
      },
    ]
  ) {
    const held = Promise.withResolvers<Response>();
    await withServer(
      async (world) => {
        world.answer = () => hang(held.promise);
        const start = performance.now();
        assert.equal(wordsOf(await world.verifier.verify(asking("ada", "pencil"))), "0x88");
        assert.ok(performance.now() - start < 5_000);
        assert.match(world.reasons[0]!, /no answer in 100 ms/);
        held.resolve(new Response(null));
      },
      {},
      { timeout: 100 },
    );
  }
});

Deno.test("httpVerifier() refuses when nobody listens", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await withServer(async (world) => {
    assert.equal(wordsOf(await world.verifier.verify(asking("ada", "pencil"))), "0x88");
  }, { url: `http://127.0.0.1:${port}/` });
});

Deno.test("Remote asks no more when the server has failed several times in a row, and one goes to see", () =>
  withServer(
    async (world) => {
      const { verifier, clock, asked, opened } = world;
      const ask = async () => wordsOf(await verifier.verify(asking("ada", "pencil")));
      world.answer = status(500);
      assert.deepEqual([await ask(), await ask()], ["0x88", "0x88"]);
      world.answer = status(204);
      assert.equal(await ask(), "ada"); // not in a row
      world.answer = status(500);
      assert.deepEqual([await ask(), await ask(), await ask()], ["0x88", "0x88", "0x88"]);
      assert.deepEqual([opened, asked.length], [[true], 6]);
      assert.deepEqual([await ask(), asked.length], ["0x88", 6]);
      clock.at += 5_000;
      assert.deepEqual([await ask(), await ask(), asked.length], ["0x88", "0x88", 7]);
      clock.at += 5_000;
      world.answer = status(204);
      assert.deepEqual([await ask(), await ask(), asked.length], ["ada", "ada", 9]);
      assert.deepEqual(opened, [true, false]);
    },
    {},
    { failures: 3 },
  ));

Deno.test("Remote asks so much at once, lets so many wait, and refuses the others", () =>
  withServer(
    async (world) => {
      const held = Promise.withResolvers<void>();
      let most = 0;
      let now = 0;
      world.answer = async () => {
        most = Math.max(most, now += 1);
        await held.promise;
        now -= 1;
        return new Response(null);
      };
      const all = Array.from(
        { length: 10 },
        (_, at) => Promise.resolve(world.verifier.verify(asking(`user ${at}`, "pencil"))),
      );
      const refused = await Promise.all(all.slice(5));
      assert.deepEqual(refused.map(wordsOf), new Array(5).fill("0x88"));
      held.resolve();
      assert.equal(
        (await Promise.all(all.slice(0, 5))).map(wordsOf).join(),
        [0, 1, 2, 3, 4]
          .map((at) => `user ${at}`).join(),
      );
      assert.ok(most <= 2, `${most} at once`);
    },
    {},
    { atOnce: 2, mostWaiting: 3 },
  ));

Deno.test("cached() asks once for a yes and once for a no, for a time, and never keeps a failure", () =>
  withServer(async (world) => {
    const { clock, asked } = world;
    const verifier = cached(world.verifier, {
      positive: 60_000,
      negative: 10_000,
      most: 3,
      now: clock.now,
    });
    const ask = async (user: string, more = {}) =>
      wordsOf(await verifier.verify(asking(user, "pencil", more)));
    assert.deepEqual([await ask("ada"), await ask("ada"), asked.length], ["ada", "ada", 1]);
    assert.deepEqual(await Promise.all([ask("bob"), ask("bob"), ask("bob")]), [
      "bob",
      "bob",
      "bob",
    ]);
    assert.equal(asked.length, 2);
    await ask("ada", { clientId: "other" }); // the answer may depend on it
    await ask("ada", { address: "192.0.2.8:1" });
    assert.equal(asked.length, 4);
    await ask("ada", { address: "192.0.2.8:2" }); // another port is the same client
    assert.equal(asked.length, 4);
    world.answer = status(403);
    assert.deepEqual([await ask("eve"), await ask("eve"), asked.length], ["0x87", "0x87", 5]);
    clock.at += 10_000;
    world.answer = status(500);
    assert.deepEqual([await ask("eve"), await ask("eve"), asked.length], ["0x88", "0x88", 7]);
    world.answer = status(404);
    assert.deepEqual([await ask("eve"), await ask("eve"), asked.length], ["unknown", "unknown", 8]);
    clock.at += 50_000;
    await ask("bob");
    assert.equal(asked.length, 9);
  }));

Deno.test("cached() keeps a yes no longer than the answer says", () =>
  withServer(async (world) => {
    const { clock, asked } = world;
    const options = { positive: 60_000, negative: 0, most: 3, now: clock.now };
    const verifier = cached(world.verifier, options);
    world.answer = json({ result: "allow", expiresAt: clock.at / 1000 + 5 });
    await verifier.verify(asking("ada", "pencil"));
    clock.at += 5_000;
    await verifier.verify(asking("ada", "pencil"));
    assert.equal(asked.length, 2);
  }));

Deno.test("ignoringFailures() says unknown when it cannot be found out, and passes on all else", () =>
  withServer(async (world) => {
    const verifier = ignoringFailures(world.verifier);
    const ask = async () => wordsOf(await verifier.verify(asking("ada", "pencil")));
    assert.equal(await ask(), "ada");
    world.answer = status(500);
    assert.equal(await ask(), "unknown");
    world.answer = status(403);
    assert.equal(await ask(), "0x87");
  }));

Deno.test("unknownPlace() finds what is no place of a template", () => {
  assert.equal(
    unknownPlace("${username} ${password}${clientid}/${address} ${listener}"),
    undefined,
  );
  for (const text of ["${user}", "a ${} b", "${username}${USERNAME}", "${constructor}"]) {
    assert.notEqual(unknownPlace(text), undefined, text);
  }
});
