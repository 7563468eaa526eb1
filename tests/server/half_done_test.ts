import assert from "node:assert/strict";
import { HalfDone } from "../../src/server/half_done.ts";

const put = (name: string, value: string) => ({ type: "putSetting" as const, name, value });

Deno.test("HalfDone.end() gives the last value of each setting, and the answers in their order", () => {
  const halfDone = new HalfDone<string>();
  halfDone.begin();
  halfDone.write([put("a", "1"), put("b", "1")]);
  halfDone.begin();
  halfDone.write([put("a", "2"), { type: "deleteSetting", name: "b" }]);
  halfDone.answer("between");
  assert.equal(halfDone.end("second"), undefined);
  assert.ok(halfDone.any);
  assert.deepEqual(halfDone.end("first"), {
    writes: [put("a", "2"), { type: "deleteSetting", name: "b" }],
    answers: ["between", "second", "first"],
  });
  assert.ok(!halfDone.any);
  halfDone.begin();
  assert.deepEqual(halfDone.end("third"), { writes: [], answers: ["third"] });
});

Deno.test("HalfDone.full says so when a thousand answers wait, until they have left", () => {
  const halfDone = new HalfDone<number>();
  halfDone.begin();
  for (let i = 0; i < 998; i++) halfDone.answer(i);
  assert.ok(!halfDone.full);
  halfDone.answer(998);
  assert.ok(halfDone.full);
  halfDone.end(999);
  assert.ok(!halfDone.full);
});
