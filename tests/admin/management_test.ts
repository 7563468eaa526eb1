/** Management over HTTP: who gets in, what is answered to whom, and what nobody can make it do. */

import assert from "node:assert/strict";
import type { HttpControl, ManagementOptions } from "../../src/admin/management.ts";
import { management } from "../../src/admin/management.ts";
import { appOf } from "../../src/admin/app.ts";
import { offeredIn } from "../../src/admin/authorization.ts";
import { Reason } from "../../src/packet/reason_code.ts";
import type { Credentials, Verdict } from "../../src/policy/identity.ts";
import { managementCommands } from "../../src/server/services.ts";
import { openApi } from "../../src/service/management/open_api.ts";
import { refusalStatus } from "../../src/service/management/refusal_status.ts";
import type { Request as ControlRequest } from "../../src/service/service.ts";
import { refusalReasons } from "../../src/service/service.ts";

const REFUSED: Verdict = { type: "refused", reason: Reason.badUserNameOrPassword, detail: "wrong" };
const ADA = `Basic ${btoa("ada:pencil")}`;
const DOCUMENT = openApi(managementCommands, "1.2.3");

interface Rig {
  readonly asked: ControlRequest[];
  readonly credentials: Credentials[];
  send(path: string, more?: RequestInit): Promise<Response>;
}

/** An app where ada gets in with `pencil`, and every command is answered with `reply`. */
function rig(more: Partial<ManagementOptions> = {}, reply: unknown = { ok: true }): Rig {
  const asked: ControlRequest[] = [];
  const credentials: Credentials[] = [];
  const control: HttpControl = {
    admits: ({ user }) => user !== "shut out",
    ask(request, done) {
      asked.push(request);
      done(reply);
    },
  };
  const app = appOf([
    management({
      authenticate(offered) {
        credentials.push(offered);
        const good = new TextDecoder().decode(offered.password) === "pencil";
        const user = offered.username ?? "bearer";
        return good ? { type: "accepted", identity: { user, roles: ["boss"] } } : REFUSED;
      },
      bearerIn: () => "password",
      control: () => control,
      document: () => JSON.stringify(DOCUMENT),
      ...more,
    }),
  ], (error) => {
    throw error;
  });
  return {
    asked,
    credentials,
    send: async (path, more = {}) =>
      await app.fetch(
        new Request(`http://admin${path}`, { method: "POST", ...more }),
        { address: "10.1.2.3:4567" },
      ),
  };
}

const as = (authorization: string, more: Record<string, string> = {}) => ({
  headers: { authorization, ...more },
});
const json = { "content-type": "application/json" };

Deno.test("management() asks with the identity, the address and the body when the user gets in", async () => {
  const { asked, credentials, send } = rig();
  const body = '{"clientId": "pump"}';
  const response = await send("/api/v1/sessions/kick", { ...as(ADA, json), body });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { ok: true });
  assert.equal(response.headers.get("cache-control"), "no-store");
  const [request] = asked;
  assert.deepEqual({ ...request, payload: new TextDecoder().decode(request!.payload) }, {
    topic: "$CONTROL/dunlin/v1/sessions/kick",
    payload: body,
    identity: { user: "ada", roles: ["boss"], address: "10.1.2.3", listener: "admin" },
    clientId: "",
    address: "10.1.2.3:4567",
    listener: "admin",
    via: "http",
    sender: undefined,
  });
  assert.deepEqual(credentials[0]!.peer, {
    address: "10.1.2.3:4567",
    listener: "admin",
    anonymousAllowed: false,
  });
});

const UNPROVEN: readonly (readonly [what: string, authorization: string | undefined])[] = [
  ["nothing", undefined],
  ["a wrong password", `Basic ${btoa("ada:pen")}`],
  ["another scheme", "Digest username=ada"],
  ["no base64", "Basic !!!"],
  ["no colon", `Basic ${btoa("ada")}`],
  ["no UTF-8", `Basic ${btoa("\xff:pencil")}`],
  ["a wrong token", "Bearer a.b.c"],
];

Deno.test("management() tells the same and nothing else when it is not proven who asks", async () => {
  const { asked, send } = rig();
  const answers = new Set<string>();
  for (const [what, authorization] of UNPROVEN) {
    for (
      const path of ["/api/v1/health", "/api/v1/fly", "/api/v1/openapi.json", "/api/x", "/api/"]
    ) {
      for (const method of ["POST", "GET", "OPTIONS", "DELETE"]) {
        const headers = authorization === undefined ? {} : { authorization };
        const response = await send(path, { method, headers });
        assert.equal(response.status, 401, `${what}: ${method} ${path}`);
        assert.equal(response.headers.get("access-control-allow-origin"), null);
        assert.match(response.headers.get("www-authenticate")!, /^Basic realm="dunlin"/);
        answers.add(await response.text());
      }
    }
  }
  assert.equal(answers.size, 1);
  assert.deepEqual(asked, []);
});

Deno.test("management() asks nobody about a request that offers nothing: it is no failed login", async () => {
  const { credentials, send } = rig();
  await send("/api/v1/health");
  assert.deepEqual(credentials, []);
});

Deno.test("management() answers each reason of a refusal with its status", async () => {
  for (const reason of Object.keys(refusalReasons) as (keyof typeof refusalReasons)[]) {
    const reply = { ok: false, command: "health", error: { reason, detail: "why" } };
    const { send } = rig({}, reply);
    const response = await send("/api/v1/health", as(ADA));
    assert.equal(response.status, refusalStatus[reason], reason);
    assert.deepEqual(await response.json(), reply);
  }
});

const ROWS: readonly (readonly [
  what: string,
  path: string,
  more: RequestInit,
  status: number,
  reason: string,
])[] = [
  ["the path is no command's", "/api/v1/sessions/$x", as(ADA), 404, "unknownCommand"],
  ["the path has a wildcard", "/api/v1/sessions/%23", as(ADA), 404, "unknownCommand"],
  ["the path climbs", "/api/v1/..%2f..%2fbroker", as(ADA), 404, "unknownCommand"],
  ["it is another version", "/api/v2/health", as(ADA), 404, "unknownCommand"],
  ["the method is GET", "/api/v1/health", { ...as(ADA), method: "GET" }, 405, "badRequest"],
  ["the document is posted to", "/api/v1/openapi.json", as(ADA), 405, "badRequest"],
  [
    "the body is a form",
    "/api/v1/health",
    { ...as(ADA, { "content-type": "text/plain" }), body: "{}" },
    415,
    "badRequest",
  ],
  [
    "a page of another origin asks",
    "/api/v1/drain",
    as(ADA, { origin: "https://evil.example", host: "127.0.0.1:9883" }),
    403,
    "notPermitted",
  ],
  ["no page in particular asks", "/api/v1/drain", as(ADA, { origin: "null" }), 403, "notPermitted"],
  [
    "the rules do not let the user connect",
    "/api/v1/health",
    as(`Basic ${btoa("shut out:pencil")}`),
    403,
    "notPermitted",
  ],
];

for (const [what, path, more, status, reason] of ROWS) {
  Deno.test(`management() answers ${status} when ${what}`, async () => {
    const { asked, send } = rig();
    const response = await send(path, more);
    assert.equal(response.status, status);
    assert.equal((await response.json()).error.reason, reason);
    assert.deepEqual(asked, []);
  });
}

Deno.test("management() answers 503 when the broker starts, or who asks cannot be found out", async () => {
  const starting = rig({ control: () => undefined });
  const busy = rig({
    authenticate: () => ({ type: "refused", reason: Reason.serverBusy, detail: "" }),
  });
  const broken = rig({ authenticate: () => Promise.reject(new Error("a secret")) });
  for (const { send } of [starting, busy, broken]) {
    const response = await send("/api/v1/health", as(ADA));
    assert.equal(response.status, 503);
    assert.doesNotMatch(await response.text(), /secret/);
  }
});

Deno.test("offeredIn() has the token where CONNECT has it, and colons in passwords", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.deepEqual(offeredIn(`basic ${btoa("ada:a:b")}`, "password"), {
    username: "ada",
    password: bytes("a:b"),
  });
  assert.deepEqual(offeredIn("Bearer x.y.z", "password"), {
    username: undefined,
    password: bytes("x.y.z"),
  });
  assert.deepEqual(offeredIn("Bearer x.y.z", "username"), {
    username: "x.y.z",
    password: undefined,
  });
});

Deno.test("openApi() has a path for every command, and every reference leads somewhere", async () => {
  const { send } = rig();
  const response = await send("/api/v1/openapi.json", { ...as(ADA), method: "GET" });
  assert.equal(response.status, 200);
  const text = await response.text();
  const document = JSON.parse(text);
  assert.equal(document.openapi, "3.1.0");
  assert.equal(document.info.version, "1.2.3");
  assert.deepEqual(
    Object.keys(document.paths),
    [...managementCommands.keys()].map((name) => `/api/v1/${name}`),
  );
  const ids = Object.values<{ post: { operationId: string } }>(document.paths)
    .map(({ post }) => post.operationId);
  assert.equal(new Set(ids).size, ids.length);
  const references = [...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, to]) => to!);
  assert.ok(references.length > 0);
  for (const to of references) {
    assert.match(to, /^#\/components\/schemas\//);
    assert.ok(to.split("/").pop()! in document.components.schemas, to);
  }
  assert.doesNotMatch(text, /\$defs/);
});
