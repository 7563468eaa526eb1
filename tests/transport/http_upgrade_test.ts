/** The upgrade to WebSocket: requests that are taken, and a table of those that are not. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cidr } from "../../src/policy/cidr.ts";
import { parseCidr } from "../../src/policy/cidr.ts";
import { acceptOf, upgrade } from "../../src/transport/http_upgrade.ts";
import { Refused } from "../../src/transport/transport.ts";
import type { WebSocketOptions } from "../../src/transport/websocket.ts";
import { cutAt, ScriptedLink } from "./scripted_link.ts";

const OPTIONS: WebSocketOptions = {
  path: "/mqtt",
  origins: ["https://app.example.com"],
  trustedProxies: ["10.0.0.0/8", "192.0.2.0/24"].map((text) => parseCidr(text) as Cidr),
  maximumRequest: 2_048,
  maximumFrame: 65_536,
};

const LINES = [
  "Host: broker.example.com:8083",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: mqtt",
];
const FIRST = "GET /mqtt HTTP/1.1";

function request(lines: readonly string[] = LINES, first = FIRST): string {
  return [first, ...lines, "", ""].join("\r\n");
}

/** The request with the header of the same name replaced; an empty text takes it out. */
function withHeader(line: string, name = line.split(":")[0]!): string {
  const rest = LINES.filter((each) => !each.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  return request(line.includes(":") ? [...rest, line] : rest);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

interface Outcome {
  readonly status: number;
  readonly answer: string;
  readonly address?: string;
  readonly reason?: string;
}

async function outcomeOf(
  text: string,
  options = OPTIONS,
  places: readonly number[] = [],
  address?: string,
): Promise<Outcome> {
  const link = new ScriptedLink(cutAt(bytesOf(text), places), address);
  let outcome: { address?: string; reason?: string };
  try {
    outcome = { address: await upgrade(link, options) };
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    outcome = { reason: error.reason };
  }
  const answer = link.writtenText;
  return { status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0), answer, ...outcome };
}

Deno.test("acceptOf() gives what RFC 6455 section 1.3 has as its example", () => {
  assert.equal(acceptOf("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

Deno.test("upgrade() answers 101 with the sub-protocol and no extension when all is well", async () => {
  const { status, answer, address } = await outcomeOf(
    request([...LINES, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]),
  );
  assert.equal(status, 101);
  assert.equal(address, "192.0.2.1:50123");
  const lines = answer.split("\r\n");
  assert.ok(lines.includes("Sec-WebSocket-Protocol: mqtt"));
  assert.ok(lines.includes("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
  assert.ok(!/extensions|deflate/i.test(answer));
  assert.deepEqual(lines.slice(-2), ["", ""]);
});

const TAKEN: readonly (readonly [what: string, text: string, protocol: string])[] = [
  ["header names are in capitals", withHeader("UPGRADE: WebSocket"), "mqtt"],
  ["Connection is a list", withHeader("Connection: keep-alive, Upgrade"), "mqtt"],
  ["Connection has two lines", request([...LINES, "Connection: keep-alive"]), "mqtt"],
  ["the path has a query", request(LINES, "GET /mqtt?client=1 HTTP/1.1"), "mqtt"],
  ["a list offers mqtt", withHeader("Sec-WebSocket-Protocol: chat, mqtt"), "mqtt"],
  ["two lines offer it", request(["Sec-WebSocket-Protocol: chat", ...LINES]), "mqtt"],
  ["MQTT 3.1's is offered", withHeader("Sec-WebSocket-Protocol: mqttv3.1"), "mqttv3.1"],
  [
    "both are offered, 3.1's first",
    withHeader("Sec-WebSocket-Protocol: mqttv3.1,mqtt"),
    "mqttv3.1",
  ],
  ["the origin is allowed", request([...LINES, "Origin: https://App.example.com"]), "mqtt"],
  ["a body is said to be empty", request([...LINES, "Content-Length: 0"]), "mqtt"],
  ["a value has blanks around it", withHeader("Sec-WebSocket-Version: \t 13 \t"), "mqtt"],
  ["a value has bytes above 127", request([...LINES, "Cookie: n=\xe9\xff"]), "mqtt"],
  ["a value is empty", request([...LINES, "X-Empty:"]), "mqtt"],
];

for (const [what, text, protocol] of TAKEN) {
  Deno.test(`upgrade() answers 101 when ${what}`, async () => {
    const { status, answer, reason } = await outcomeOf(text);
    assert.equal(status, 101, reason ?? "");
    assert.ok(answer.includes(`\r\nSec-WebSocket-Protocol: ${protocol}\r\n`), answer);
  });
}

const REFUSED: readonly (readonly [what: string, status: number, text: string])[] = [
  // What two readers may read in two ways.
  ["a folded header line", 400, request([...LINES, "X-A: b", " Host: evil"])],
  ["a folded first line", 400, request([" Host: evil", ...LINES])],
  ["a tab-folded line", 400, request([...LINES, "X-A: b", "\tc"])],
  ["a blank before the colon", 400, request([...LINES, "Content-Length : 5"])],
  ["a name with a blank", 400, request([...LINES, "X A: b"])],
  ["no name", 400, request([...LINES, ": b"])],
  ["no colon", 400, request([...LINES, "nothing"])],
  ["a bare line feed", 400, request([...LINES, "X-A: b\nHost: evil"])],
  ["bare line feeds only", 400, request().replaceAll("\r\n", "\n")],
  ["a bare carriage return", 400, request([...LINES, "X-A: b\rHost: evil"])],
  ["a carriage return at the end of a line", 400, request([...LINES, "X-A: b\r"])],
  ["a NUL", 400, request([...LINES, "X-A: b\0c"])],
  ["a control character", 400, request([...LINES, "X-A: b\x0bc"])],
  ["a DEL", 400, request([...LINES, "X-A: b\x7f"])],
  ["a name of other than ASCII", 400, request([...LINES, "X-\xc4: b"])],
  ["two Host lines", 400, request([...LINES, "Host: evil.example.com"])],
  ["two equal Host lines", 400, request([LINES[0]!, ...LINES])],
  ["two Upgrade lines", 400, request([...LINES, "Upgrade: h2c"])],
  ["two Content-Length lines", 400, request([...LINES, "Content-Length: 0", "Content-Length: 0"])],
  [
    "two Transfer-Encoding lines",
    400,
    request([...LINES, "Transfer-Encoding: a", "transfer-encoding: b"]),
  ],
  ["two keys", 400, request([...LINES, LINES[3]!])],
  ["two versions", 400, request([...LINES, "Sec-WebSocket-Version: 13"])],
  ["two origins", 400, request([...LINES, "Origin: https://app.example.com", "Origin: null"])],
  ["a Transfer-Encoding", 400, request([...LINES, "Transfer-Encoding: chunked"])],
  ["a Transfer-Encoding with nothing", 400, request([...LINES, "Transfer-Encoding:"])],
  ["a Content-Length", 400, request([...LINES, "Content-Length: 5"])],
  ["a Content-Length with a sign", 400, request([...LINES, "Content-Length: +0"])],
  ["both lengths", 400, request([...LINES, "Content-Length: 0", "Transfer-Encoding: chunked"])],
  ["another request behind", 400, request() + request()],
  ["a frame behind", 400, `${request()}\x82\x80\0\0\0\0`],
  // Not even close to a request.
  ["MQTT", 400, "\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0"],
  ["TLS", 400, "\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03"],
  ["a line break first", 400, `\r\n${request()}`],
  ["an HTTP/2 preface", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/1.0", 400, request(LINES, "GET /mqtt HTTP/1.0")],
  ["HTTP/1.10", 400, request(LINES, "GET /mqtt HTTP/1.10")],
  ["HTTP/0.9", 400, "GET /mqtt\r\n\r\n"],
  ["a whole URL", 400, request(LINES, "GET http://broker/mqtt HTTP/1.1")],
  ["two blanks", 400, request(LINES, "GET  /mqtt HTTP/1.1")],
  ["a blank behind", 400, request(LINES, "GET /mqtt HTTP/1.1 ")],
  ["a blank in the path", 400, request(LINES, "GET /mqtt /a HTTP/1.1")],
  ["a fragment", 400, request(LINES, "GET /mqtt#a HTTP/1.1")],
  ["a small method", 400, request(LINES, "get /mqtt HTTP/1.1")],
  ["more than 100 lines", 400, request([...LINES, ...new Array<string>(100).fill("A: b")])],
  ["a POST", 405, request(LINES, "POST /mqtt HTTP/1.1")],
  ["a CONNECT", 405, request(LINES, "CONNECT /mqtt HTTP/1.1")],
  // A request, but no upgrade, or not ours.
  ["another path", 404, request(LINES, "GET / HTTP/1.1")],
  ["the path with more", 404, request(LINES, "GET /mqtt/ HTTP/1.1")],
  ["the path in capitals", 404, request(LINES, "GET /MQTT HTTP/1.1")],
  ["the path written in percent", 404, request(LINES, "GET /%6dqtt HTTP/1.1")],
  ["dots in the path", 404, request(LINES, "GET /x/../mqtt HTTP/1.1")],
  ["no Host", 400, withHeader("Host")],
  ["an empty Host", 400, withHeader("Host:")],
  ["a Host that is none", 400, withHeader("Host: a b")],
  ["a Host with a path", 400, withHeader("Host: a/b")],
  ["no Upgrade", 426, withHeader("Upgrade")],
  ["another Upgrade", 426, withHeader("Upgrade: h2c")],
  ["no Connection", 426, withHeader("Connection")],
  ["another Connection", 426, withHeader("Connection: keep-alive")],
  ["no version", 426, withHeader("Sec-WebSocket-Version")],
  ["version 8", 426, withHeader("Sec-WebSocket-Version: 8")],
  ["version 013", 426, withHeader("Sec-WebSocket-Version: 013")],
  ["no key", 400, withHeader("Sec-WebSocket-Key")],
  ["a key of 15 bytes", 400, withHeader("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j")],
  ["a key that is not base64", 400, withHeader("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==")],
  ["a key with bits left over", 400, withHeader("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==")],
  ["no sub-protocol", 400, withHeader("Sec-WebSocket-Protocol")],
  ["an empty sub-protocol", 400, withHeader("Sec-WebSocket-Protocol:")],
  ["another sub-protocol", 400, withHeader("Sec-WebSocket-Protocol: chat")],
  ["a sub-protocol in capitals", 400, withHeader("Sec-WebSocket-Protocol: MQTT")],
  ["another origin", 403, request([...LINES, "Origin: https://evil.example.com"])],
  ["the origin's other scheme", 403, request([...LINES, "Origin: http://app.example.com"])],
  ["the origin with more behind", 403, request([...LINES, "Origin: https://app.example.com.evil"])],
  ["the origin null", 403, request([...LINES, "Origin: null"])],
  ["an empty origin", 403, request([...LINES, "Origin:"])],
  ["a request that is too large", 431, request([...LINES, `Cookie: ${"x".repeat(2_048)}`])],
  ["a first line that has no end", 431, `GET /${"x".repeat(3_000)}`],
];

for (const [what, status, text] of REFUSED) {
  Deno.test(`upgrade() answers ${status} when there is ${what}`, async () => {
    const whole = await outcomeOf(text);
    assert.equal(whole.status, status, whole.reason ?? "");
    assert.ok(whole.reason?.startsWith(`WebSocket upgrade, ${status}: `), whole.reason ?? "");
    assert.ok(!whole.answer.includes("evil"), "the answer repeats what the client wrote");
    const pieces = await outcomeOf(
      text,
      OPTIONS,
      Array.from({ length: text.length }, (_, at) => at),
    );
    // What stands behind the request may come too late to be seen.
    if (!what.endsWith(" behind") || whole.status !== 400) assert.equal(pieces.status, status);
  });
}

Deno.test("upgrade() answers the same when the request comes in any portions", async () => {
  const texts = fc.constantFrom(...TAKEN.map(([, text]) => text), request());
  await fc.assert(
    fc.asyncProperty(texts, fc.array(fc.nat(), { maxLength: 12 }), async (text, places) => {
      assert.deepEqual(await outcomeOf(text, OPTIONS, places), await outcomeOf(text));
    }),
    { numRuns: 300 },
  );
});

Deno.test("upgrade() answers or refuses, and takes no more than its limit, when the bytes are any", async () => {
  const piece = fc.oneof(
    fc.constantFrom(FIRST, "\r\n", "\r", "\n", " ", ":", ...LINES),
    fc.string({ unit: "binary-ascii" }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const text = pieces.join("");
      const { status, reason } = await outcomeOf(text);
      assert.ok(status === 101 || reason !== undefined);
      if (status === 101) assert.ok(text.includes("\r\n\r\n"));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("upgrade() takes no request when it is closed before its end, and answers nothing", async () => {
  for (const text of ["", "GET /mqtt HT", request().slice(0, -1)]) {
    const { status, reason } = await outcomeOf(text);
    assert.equal(status, 0);
    assert.match(reason ?? "", /closed before/);
  }
});

Deno.test("upgrade() lets every origin in when the list has *, none when it is empty", async () => {
  const page = request([...LINES, "Origin: https://any.example.com"]);
  assert.equal((await outcomeOf(page, { ...OPTIONS, origins: ["*"] })).status, 101);
  assert.equal((await outcomeOf(page, { ...OPTIONS, origins: [] })).status, 403);
  assert.equal((await outcomeOf(request(), { ...OPTIONS, origins: [] })).status, 101);
});

const FORWARDED: readonly (readonly [what: string, lines: readonly string[], address: string])[] = [
  ["there is none", [], "192.0.2.1:50123"],
  ["the proxy names a client", ["203.0.113.7"], "203.0.113.7"],
  ["the client made some up", ["1.1.1.1, 203.0.113.7"], "203.0.113.7"],
  ["two proxies were passed", ["1.1.1.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"],
  ["it has two lines", ["1.1.1.1, 203.0.113.7", "10.1.2.3"], "203.0.113.7"],
  ["all of them are proxies", ["10.1.1.1, 10.1.2.3"], "10.1.1.1"],
  ["the last is no address", ["203.0.113.7, unknown"], "192.0.2.1:50123"],
  ["one before the last is no address", ["<script>, 10.1.2.3"], "10.1.2.3"],
  ["it is an IPv6 address", ["2001:db8::7"], "2001:db8::7"],
  ["it has a port", ["203.0.113.7:4711"], "203.0.113.7:4711"],
  ["it is an IPv6 address with a port", ["[2001:db8::7]:4711"], "[2001:db8::7]:4711"],
  ["it is empty", ["", " , "], "192.0.2.1:50123"],
];

for (const [what, values, address] of FORWARDED) {
  Deno.test(`upgrade() gives ${address} when a trusted proxy forwards and ${what}`, async () => {
    const lines = values.map((value) => `X-Forwarded-For: ${value}`);
    assert.equal((await outcomeOf(request([...LINES, ...lines]))).address, address);
  });
}

Deno.test("upgrade() does not believe X-Forwarded-For when the proxy is not trusted", async () => {
  const text = request([...LINES, "X-Forwarded-For: 203.0.113.7, 10.1.2.3"]);
  for (const address of ["198.51.100.1:4000", "/run/dunlin.sock", "[2001:db8::1]:4000"]) {
    assert.equal((await outcomeOf(text, OPTIONS, [], address)).address, address);
  }
  const nobody = { ...OPTIONS, trustedProxies: [] };
  assert.equal((await outcomeOf(text, nobody)).address, "192.0.2.1:50123");
});
