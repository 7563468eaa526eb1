/** How many handshakes may be under way, and who gives way. */

import assert from "node:assert/strict";
import { handshakeFault, Handshakes } from "../../src/transport/handshakes.ts";
import type { Link } from "../../src/transport/transport.ts";

/** A link, and a handshake on it that lasts until it is ended or the link is closed. */
function slow() {
  const { promise, resolve, reject } = Promise.withResolvers<Link>();
  const link: Link = {
    address: "here",
    read: () => Promise.resolve(null),
    write: (bytes) => Promise.resolve(bytes.length),
    close: () => reject(new Error("closed")),
  };
  return { link, handshake: () => promise, end: () => resolve(link) };
}

Deno.test("Handshakes.run() closes the oldest when one more comes than may be", async () => {
  const handshakes = new Handshakes(2);
  const all = [slow(), slow(), slow(), slow()];
  const runs = all.map(({ link, handshake }) =>
    handshakes.run(link, handshake).then(() => "through", String)
  );
  for (const { end } of all) end();
  assert.deepEqual(await Promise.all(runs), [
    "TLS: gave way to others, of which 2 are let in (handshakes)",
    "TLS: gave way to others, of which 2 are let in (handshakes)",
    "through",
    "through",
  ]);
});

Deno.test("Handshakes.run() counts those only that are under way", async () => {
  const handshakes = new Handshakes(1);
  for (let n = 0; n < 10; n++) {
    const { link, handshake, end } = slow();
    const run = handshakes.run(link, handshake);
    end();
    assert.equal(await run, link);
  }
  const { link, handshake } = slow();
  const run = handshakes.run(link, handshake);
  link.close();
  await assert.rejects(run, /^Error: closed$/);
});

const faults: readonly [error: unknown, fault: string | undefined][] = [
  [new Error("tls handshake eof"), undefined],
  [new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"), undefined],
  [
    new Error("received corrupt message of type InvalidContentType"),
    "the client does not speak TLS",
  ],
  [
    new Error("peer is incompatible: SignatureAlgorithmsExtensionRequired"),
    "the client offers no TLS 1.2 or 1.3",
  ],
  [new Error("peer doesn't support any known protocol"), "peer doesn't support any known protocol"],
];

for (const [error, fault] of faults) {
  Deno.test(`handshakeFault() is ${fault ?? "undefined"} when it is ${error}`, () => {
    assert.equal(handshakeFault(error), fault);
  });
}
