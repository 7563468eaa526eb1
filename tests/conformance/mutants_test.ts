import assert from "node:assert/strict";
import { mutants, mutated } from "./mutants.ts";
import { rows } from "./tables.ts";

const all = await mutants();
const held = (await rows()).filter((row) => row.type === "held");

Deno.test("mutants() finds at least 40 mutations, of which each can be applied and has its rows", async () => {
  assert.ok(all.length >= 40, `there are ${all.length}`);
  for (const mutant of all) {
    const text = await Deno.readTextFile(new URL(`../../${mutant.file}`, import.meta.url));
    assert.notEqual(mutated(text, mutant), text);
    assert.ok(mutant.ids.length > 0, `${mutant.file}: a mutation without an id`);
    for (const id of mutant.ids) {
      const found = held.some((row) => row.standard === mutant.standard && row.ids.includes(id));
      assert.ok(found, `${mutant.standard} ${id} of a mutation of ${mutant.file} has no row`);
    }
  }
});

Deno.test("mutated() throws when the place is not there, or there twice", () => {
  const mutation = { ids: ["MQTT-0"], file: "a.ts", from: "one", to: "two" };
  assert.equal(mutated("not, one, $1", { ...mutation, from: "one", to: "$&" }), "not, $&, $1");
  assert.throws(() => mutated("not", mutation), /0 times/);
  assert.throws(() => mutated("one one", mutation), /2 times/);
});
