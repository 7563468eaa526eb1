import assert from "node:assert/strict";
import { alarmNames } from "../../src/service/alarms.ts";
import { observe } from "../../src/service/histogram.ts";
import { metricsText } from "../../src/service/metrics.ts";
import { OpenMetrics } from "../../src/service/open_metrics.ts";
import { count } from "../../src/service/statistics.ts";
import {
  closeReasons,
  dropReasons,
  sessionEnds,
  turnAwayReasons,
} from "../../src/session/reason_words.ts";
import { tool, toolTest } from "../end_to_end/tools.ts";
import { parseOpenMetrics, valueOf } from "./open_metrics_parser.ts";
import { clusterSeen, seenOf } from "./seen.ts";

/** Something of everything. */
function busy() {
  const seen = seenOf();
  const { traffic, route, commit, turnedAway } = seen.measures;
  traffic.received.packets[0x30]! += 3;
  traffic.received.payload[0]! += 30;
  traffic.sent.packets[0x3b]! += 2;
  traffic.sent.payload[1]! += 8;
  traffic.sent.bytes += 123;
  turnedAway.banned += 2;
  for (const value of [0.000_04, 0.003, 9]) observe(route, value);
  observe(commit, 0.000_1);
  const { statistics } = seen;
  count(statistics, { type: "dropped", clientId: "a", topic: "t", reason: "expired", count: 4 });
  count(statistics, {
    type: "refused",
    clientId: "a",
    action: "subscribe",
    topic: "t",
    reasonCode: 0x87,
    detail: 'by the rule "x\\y"\n',
  });
  return seen;
}

Deno.test("metricsText() has the cluster where there is one, and not a word of it where there is none", () => {
  assert.doesNotMatch(metricsText(seenOf(), new Map()), /cluster/);
  const unreachable = { ...clusterSeen, unreachable: "away" };
  const families = parseOpenMetrics(metricsText(seenOf({ cluster: unreachable }), new Map()));
  const value = (name: string, labels = {}) => valueOf(families, `dunlin_cluster_${name}`, labels);
  assert.equal(value("nodes"), 2);
  assert.equal(value("reachable"), 0);
  assert.equal(value("log_lag_seconds"), 0.04);
  assert.equal(value("inbox_entries"), 5);
  assert.equal(value("posts_dropped_total"), 6);
  assert.equal(value("casts_dropped_total"), 7);
  assert.equal(value("notes_skipped_total"), 8);
  assert.equal(value("away_total"), 9);
  assert.equal(value("node_info", { node: "a.1", name: "a" }), 1);
});

Deno.test("metricsText() is OpenMetrics with what was counted when it is read by a strict parser", () => {
  const families = parseOpenMetrics(metricsText(busy(), new Map([["memory", 1]])));
  const value = (name: string, labels = {}) => valueOf(families, `dunlin_${name}`, labels);
  assert.equal(value("messages_total", { direction: "received", qos: "0" }), 3);
  assert.equal(value("messages_total", { direction: "sent", qos: "1" }), 2);
  assert.equal(value("message_payload_bytes_total", { direction: "sent", qos: "1" }), 8);
  assert.equal(value("link_bytes_total", { direction: "sent" }), 123);
  assert.equal(value("packets_total", { direction: "sent", type: "publish" }), 2);
  assert.equal(value("turned_away_total", { reason: "banned" }), 2);
  assert.equal(value("drops_total", { reason: "expired" }), 4);
  assert.equal(value("refusals_total", { action: "subscribe", reason: "notAuthorized" }), 1);
  assert.equal(value("route_latency_seconds_bucket", { le: "0.00005" }), 1);
  assert.equal(value("route_latency_seconds_bucket", { le: "1.0" }), 2);
  assert.equal(value("route_latency_seconds_count"), 3);
  assert.equal(value("commit_latency_seconds_bucket", { le: "0.0001" }), 1);
  assert.equal(value("memory_bytes", { kind: "heap_used" }), 1_000);
  assert.equal(value("alarm", { name: "memory" }), 1);
  assert.equal(value("alarm", { name: "storeFull" }), 0);
  assert.equal(value("build_info", { version: "1.2.3", promise: "fsynced" }), 1);
});

Deno.test("metricsText() has a series for every word of every list, and no more for any client", () => {
  const text = metricsText(seenOf(), new Map());
  const families = parseOpenMetrics(text);
  for (
    const [family, words] of [
      ["drops", dropReasons],
      ["disconnects", closeReasons],
      ["turned_away", turnAwayReasons],
      ["sessions_ended", sessionEnds],
    ] as const
  ) {
    const reasons = families.get(`dunlin_${family}`)!.samples.map(({ labels }) =>
      labels.get("reason")
    );
    assert.deepEqual(reasons, Object.keys(words), family);
  }
  const alarms = families.get("dunlin_alarm")!.samples.map(({ labels }) => labels.get("name"));
  assert.deepEqual(alarms, alarmNames);
  const labels = new Set(
    [...families.values()].flatMap(({ samples }) =>
      samples.flatMap((sample) => [...sample.labels.keys()])
    ),
  );
  assert.deepEqual(
    [...labels].toSorted(),
    [
      "direction",
      "kind",
      "le",
      "limit",
      "name",
      "promise",
      "qos",
      "reason",
      "state",
      "type",
      "version",
    ],
  );
});

Deno.test("OpenMetrics escapes what stands in labels and help when it has quotes and line feeds", () => {
  const text = new OpenMetrics("x_");
  text.info("build", 'a "b"\\\nc', { version: '1"2\\3\n4' });
  const families = parseOpenMetrics(text.end());
  assert.equal(families.get("x_build")!.samples[0]!.labels.get("version"), '1"2\\3\n4');
});

/** [what is wrong, text] */
const bad: readonly (readonly [string, string])[] = [
  ["no end", "# TYPE a gauge\na 1\n"],
  ["a sample without a family", "a 1\n# EOF\n"],
  ["a counter without _total", "# TYPE a counter\na 1\n# EOF\n"],
  ["a negative counter", "# TYPE a counter\na_total -1\n# EOF\n"],
  ["a series twice", "# TYPE a gauge\na 1\na 2\n# EOF\n"],
  ["a family twice", "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n"],
  ["a unit that is not in the name", "# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n"],
  ["an open quote", '# TYPE a gauge\na{b="c} 1\n# EOF\n'],
  ["falling buckets", '# TYPE a histogram\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\n# EOF\n'],
  ["no bucket for +Inf", '# TYPE a histogram\na_bucket{le="1.0"} 2\na_count 2\na_sum 1\n# EOF\n'],
  ["no number", "# TYPE a gauge\na x\n# EOF\n"],
];

for (const [what, text] of bad) {
  Deno.test(`the strict parser of these tests refuses a text with ${what}`, () => {
    assert.throws(() => parseOpenMetrics(text), Error);
  });
}

toolTest(["prometheus"], "prometheus_client reads every sample of metricsText()", async () => {
  const program = "import sys\n" +
    "from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n" +
    "print(sum(len(f.samples) for f in read(sys.stdin.read())))";
  const child = new Deno.Command(tool("prometheus")!, {
    args: ["-c", program],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const text = metricsText(busy(), new Map());
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  assert.equal(Number(new TextDecoder().decode(stdout)), samples);
});
