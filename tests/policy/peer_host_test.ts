import assert from "node:assert/strict";
import { placeOf } from "../../src/policy/peer_host.ts";
Deno.test("placeOf() says of an IPv4 address with a port what it says without one, and nothing of what is none", () => {
  for (const address of ["0.0.0.0", "9.10.99.100", "199.200.249.250", "255.255.255.255"]) {
    assert.equal(placeOf(`${address}:50123`), address);
    assert.equal(placeOf(address), address);
  }
  for (const address of ["1.2.3.256:1", "01.2.3.4:1", "1.2.3:1", "1.2.3.4.5:1", "1.2.3.4:123456"]) {
    assert.equal(placeOf(address), undefined);
  }
});
