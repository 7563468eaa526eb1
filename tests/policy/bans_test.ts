/** The list of bans, and places that attempts are counted by. */

import assert from "node:assert/strict";
import { Bans } from "../../src/policy/bans.ts";
import { placeOf } from "../../src/policy/peer_host.ts";

const ban = (kind: "address" | "clientId" | "user", value: string, until = Infinity) => ({
  kind,
  value,
  until,
  reason: "test",
});

/** [address, place] */
const places: readonly (readonly [string, string | undefined])[] = [
  ["192.0.2.7:50123", "192.0.2.7"],
  ["192.0.2.7", "192.0.2.7"],
  ["[::ffff:192.0.2.7]:1", "192.0.2.7"],
  ["[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2:0:0:0:0/64"],
  ["2001:db8:1:2::", "2001:db8:1:2:0:0:0:0/64"],
  ["2001:db8:1:2:0:0:0:0/64", "2001:db8:1:2:0:0:0:0/64"],
  ["[::1]:1883", "0:0:0:0:0:0:0:0/64"],
  ["/run/dunlin.sock", undefined],
  ["", undefined],
  ["localhost:1883", undefined],
  ["999.0.2.7:1", undefined],
];

for (const [address, place] of places) {
  Deno.test(`placeOf() is ${place} when the address is ${JSON.stringify(address)}`, () => {
    assert.equal(placeOf(address), place);
  });
}

Deno.test("Bans finds what was added, of its kind only, until its time is over or it is removed", () => {
  const bans = new Bans(10);
  assert.equal(bans.add(ban("address", "[2001:db8::1]:5", 100), 0), true);
  assert.equal(bans.add(ban("clientId", "pump"), 0), true);
  assert.equal(bans.add(ban("address", "nowhere"), 0), false);
  assert.equal(bans.find("address", "[2001:db8::ffff]:9", 99)?.reason, "test");
  assert.equal(bans.find("address", "[2001:db8:0:1::]:9", 99), undefined);
  assert.equal(bans.find("address", "/run/socket", 99), undefined);
  assert.equal(bans.find("user", "pump", 99), undefined);
  assert.equal(bans.find("clientId", "pump", 1e15)?.value, "pump");
  assert.deepEqual(bans.list(99).map(({ value }) => value), ["2001:db8:0:0:0:0:0:0/64", "pump"]);
  assert.equal(bans.find("address", "2001:db8::1", 100), undefined);
  assert.deepEqual(bans.list(100).map(({ value }) => value), ["pump"]);
  assert.deepEqual([bans.remove("clientId", "pump"), bans.remove("clientId", "pump")], [
    true,
    false,
  ]);
  assert.deepEqual(bans.list(0), []);
});

Deno.test("Bans lets those go that are over, and then the oldest, when there is no room", () => {
  const bans = new Bans(3);
  bans.add(ban("user", "long"), 0);
  bans.add(ban("user", "short", 10), 0);
  bans.add(ban("user", "longer"), 0);
  bans.add(ban("user", "new"), 10);
  assert.deepEqual(bans.list(10).map(({ value }) => value), ["long", "longer", "new"]);
  bans.add(ban("user", "newer"), 10);
  assert.deepEqual(bans.list(10).map(({ value }) => value), ["longer", "new", "newer"]);
  bans.add(ban("user", "longer", 20), 10); // its time is another: no other goes for it
  assert.equal(bans.list(10).length, 3);
  assert.equal(bans.find("user", "longer", 20), undefined);
});

Deno.test("Bans.bound() lets the oldest go when fewer are to be kept, and keeps more when more are", () => {
  const bans = new Bans(3);
  for (const user of ["a", "b", "c"]) bans.add(ban("user", user), 0);
  bans.add(ban("clientId", "d"), 0);
  bans.bound(2, 0);
  assert.deepEqual(bans.list(0).map(({ value }) => value), ["d", "b", "c"]);
  bans.add(ban("user", "e"), 0);
  assert.deepEqual(bans.list(0).map(({ value }) => value), ["d", "c", "e"]);
  bans.bound(4, 0);
  for (const user of ["f", "g", "h"]) bans.add(ban("user", user), 0);
  assert.deepEqual(bans.list(0).map(({ value }) => value), ["d", "e", "f", "g", "h"]);
});
