/** The log: one record is one line whatever a client sends, and a flood is cut off. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonLine, textLine } from "../../src/server/log_line.ts";
import { closeLog, configureLog, getLog, type LogOptions } from "../../src/server/log.ts";

/** Configures the log to write into a list, runs, and hands back the lines. */
function linesOf(options: Partial<LogOptions>, run: () => void): string[] {
  const lines: string[] = [];
  configureLog({ level: "info", format: "text", write: (line) => lines.push(line), ...options });
  run();
  closeLog();
  return lines;
}

/** A line without its time, which is checked here. */
function withoutTime(line: string): string {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)\n$/.exec(line);
  assert.ok(match !== null, `no time at the start of ${JSON.stringify(line)}`);
  return match[1]!;
}

Deno.test("getLog() writes time, level, category, message and fields when the format is text", () => {
  const lines = linesOf({ level: "debug" }, () => {
    const log = getLog("session");
    log.debug("a {template} is not filled in", { template: 1 });
    log.info("client connected", { clientId: "pump 1", user: undefined, address: "127.0.0.1:5" });
    log.warn("wide", { count: 3n, ok: true, none: null, empty: "", ratio: Number.NaN });
    log.error("no fields");
  });
  assert.deepEqual(lines.map(withoutTime), [
    "DEBUG session: a {template} is not filled in template=1",
    'INFO  session: client connected clientId="pump 1" address=127.0.0.1:5',
    'WARN  session: wide count=3 ok=true none=null empty="" ratio=NaN',
    "ERROR session: no fields",
  ]);
});

Deno.test("getLog() writes one object a line when the format is JSON", () => {
  const [line] = linesOf({ format: "json" }, () => {
    getLog("listener").warn("refused", {
      clientId: 'a"b\n',
      level: "mine",
      payload: new Uint8Array(9),
      inner: { bytes: new Uint8Array(2), count: 5n },
    });
  });
  const { time, ...rest } = JSON.parse(line!);
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    level: "warn",
    category: "listener",
    message: "refused",
    clientId: 'a"b\n',
    _level: "mine",
    payload: "9 bytes",
    inner: '{"bytes":"2 bytes","count":"5"}',
  });
});

Deno.test("getLog() writes the stack in one line when a field is an error", () => {
  const [line] = linesOf({}, () => getLog("store").error("failed", { error: new Error("disk") }));
  assert.match(line!, /error="Error: disk\\n +at [^\n]+"\n$/);
});

const breakers = ["\n", "\r\n", "\u0000", "\u001b[2J", "\u0085", "\u009b", "\u2028", "\u202e"];

for (const breaker of breakers) {
  Deno.test(`textLine() and jsonLine() stay harmless when a text holds ${JSON.stringify(breaker)}`, () => {
    const text = `a${breaker}b`;
    const record = {
      time: "T",
      level: "info",
      category: text,
      message: text,
      fields: { [text]: text },
    };
    assert.match(textLine(record), /^[\x20-\x7e]+\n$/);
    assert.match(jsonLine(record), /^[\x20-\x7e]+\n$/);
    assert.equal(JSON.parse(jsonLine(record))[text], text);
  });
}

Deno.test("textLine() cannot be made to show a field that was not logged", () => {
  const fields = { clientId: 'x" user="admin', reason: "a b=c" };
  const line = textLine({ time: "T", level: "info", category: "c", message: "m", fields });
  assert.equal(line, 'T INFO  c: m clientId="x\\" user=\\"admin" reason="a b=c"\n');
});

Deno.test("jsonLine() is one line that reads back as what was logged when texts are arbitrary", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  fc.assert(
    fc.property(text, text, (message, clientId) => {
      const record = { time: "T", level: "info", category: "c", message, fields: { clientId } };
      for (const line of [jsonLine(record), textLine(record)]) {
        assert.ok(line.endsWith("\n"));
        assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Zl}\p{Zp}]/u);
      }
      const back = JSON.parse(jsonLine(record));
      assert.deepEqual([back.message, back.clientId], [message, clientId]);
    }),
    { numRuns: 500 },
  );
});

Deno.test("textLine() shortens a value when it is long", () => {
  const fields = { topic: "t".repeat(65_535) };
  const line = textLine({ time: "T", level: "info", category: "c", message: "m", fields });
  assert.ok(line.length < 2_200, `${line.length} characters`);
});

const levels = ["debug", "info", "warn", "error"] as const;

for (const [rank, level] of levels.entries()) {
  Deno.test(`getLog() writes ${levels.slice(rank)} when the level is ${level}`, () => {
    const log = getLog("levels");
    const lines = linesOf({ level }, () => levels.forEach((each) => log[each](each)));
    const expected = levels.slice(rank).map((each) =>
      `${each.toUpperCase().padEnd(5)} levels: ${each}`
    );
    assert.deepEqual(lines.map(withoutTime), expected);
    assert.deepEqual(levels.filter((each) => log.enabled(each)), levels.slice(rank));
  });
}

Deno.test("getLog() does not look at fields when the level is off", () => {
  const fields = {
    get clientId(): string {
      throw new Error("looked at");
    },
  };
  assert.deepEqual(linesOf({ level: "warn" }, () => getLog("x").info("m", fields)), []);
});

Deno.test("getLog() counts the lines of a category above linesPerSecond and says so once", () => {
  let now = 0;
  const lines = linesOf({ linesPerSecond: 2, now: () => now }, () => {
    const flood = getLog("flood");
    for (let count = 1; count <= 5; count++) flood.info(`line ${count}`);
    getLog("other").info("is not touched");
    now = 1_000;
    flood.info("line 6");
    flood.info("line 7");
    flood.info("line 8");
  });
  assert.deepEqual(lines.map(withoutTime), [
    "INFO  flood: line 1",
    "INFO  flood: line 2",
    "INFO  other: is not touched",
    "WARN  flood: log lines were suppressed suppressed=3 linesPerSecond=2",
    "INFO  flood: line 6",
    "INFO  flood: line 7",
    "WARN  flood: log lines were suppressed suppressed=1 linesPerSecond=2",
  ]);
});

Deno.test("getLog() says what was suppressed within about a second when the flood ends", async () => {
  const told = Promise.withResolvers<string>();
  configureLog({
    level: "info",
    format: "text",
    linesPerSecond: 1,
    write: (line) => {
      if (line.includes("suppressed")) told.resolve(line);
    },
  });
  getLog("burst").info("first");
  getLog("burst").info("second");
  // The timer of the log does not keep a program alive, so the test does.
  const alive = setTimeout(() => told.reject(new Error("nothing was said")), 10_000);
  assert.match(await told.promise, /WARN {2}burst: .* suppressed=1 /);
  clearTimeout(alive);
  closeLog();
});
