import assert from "node:assert/strict";
import { plainRun } from "../../src/command/plain_run.ts";

Deno.test("plainRun() reads run and its options in both spellings, and the last where one comes twice", () => {
  assert.deepEqual(plainRun([]), {});
  assert.deepEqual(plainRun(["run"]), {});
  assert.deepEqual(plainRun(["run", "--config", "a.json", "-p", "1884", "--data", "d"]), {
    config: "a.json",
    port: 1884,
    data: "d",
  });
  assert.deepEqual(plainRun(["-c", "a.json", "-c", "b.json"]), { config: "b.json" });
});

Deno.test("plainRun() leaves to commander whatever else is there, and every mistake", () => {
  for (
    const args of [
      ["check", "a.json"],
      ["--help"],
      ["run", "--help"],
      ["run", "--config"],
      ["run", "--config="],
      ["run", "--config", "-p"],
      ["--port", "65536"],
      ["--port", "1e3"],
      ["run", "x"],
      ["constructor", "x"],
    ]
  ) {
    assert.equal(plainRun(args), undefined, args.join(" "));
  }
});
