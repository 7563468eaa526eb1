import assert from "node:assert/strict";
import { FilterTree } from "../../src/topic/filter_tree.ts";
import { matches } from "../../src/topic/matches.ts";
import { reaches } from "../../src/topic/rest_matches.ts";
import { RetainedTree } from "../../src/topic/retained_tree.ts";

const rows: [filter: string, name: string, expected: boolean, why: string][] = [
  ["sport/tennis/player1/#", "sport/tennis/player1", true, "4.7.1.2"],
  ["sport/tennis/player1/#", "sport/tennis/player1/ranking", true, "4.7.1.2"],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true, "4.7.1.2"],
  ["sport/tennis/player1/#", "sport/tennis/player11", false, "whole levels only"],
  ["sport/#", "sport", true, "4.7.1.2: # takes in the parent"],
  ["sport/#", "sport/", true, "an empty level is a level"],
  ["sport/#", "sports", false, "whole levels only"],
  ["#", "sport", true, "4.7.1.2"],
  ["#", "/", true, "4.7.1.2"],
  ["sport/tennis/+", "sport/tennis/player1", true, "4.7.1.3"],
  ["sport/tennis/+", "sport/tennis/player2", true, "4.7.1.3"],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false, "4.7.1.3"],
  ["sport/+", "sport", false, "4.7.1.3"],
  ["sport/+", "sport/", true, "4.7.1.3"],
  ["+", "sport", true, "4.7.1.3"],
  ["+/tennis/#", "sport/tennis/player1", true, "4.7.1.3"],
  ["+/tennis/#", "sport/tennis", true, "4.7.1.3"],
  ["sport/+/player1", "sport/tennis/player1", true, "4.7.1.3"],
  ["sport/+/player1", "sport//player1", true, "+ takes an empty level"],
  ["sport/+/player1", "sport/player1", false, "+ takes one level, not none"],
  ["+/+", "/finance", true, "4.7.1.3"],
  ["/+", "/finance", true, "4.7.1.3"],
  ["+", "/finance", false, "4.7.1.3"],
  ["#", "$SYS/monitor/Clients", false, "[MQTT-4.7.2-1]"],
  ["#", "$", false, "[MQTT-4.7.2-1]"],
  ["+", "$SYS", false, "[MQTT-4.7.2-1]"],
  ["+/monitor/Clients", "$SYS/monitor/Clients", false, "[MQTT-4.7.2-1]"],
  ["$SYS/#", "$SYS/monitor/Clients", true, "4.7.2"],
  ["$SYS/#", "$SYS", true, "4.7.2"],
  ["$SYS/monitor/+", "$SYS/monitor/Clients", true, "4.7.2"],
  ["+/#", "a/$b", true, "$ matters at the start only"],
  ["a/+", "a/$b", true, "$ matters at the start only"],
  ["/#", "/$b", true, "$ matters at the start only"],
  ["ACCOUNTS", "Accounts", false, "4.7.3: case matters"],
  ["Accounts payable", "Accounts payable", true, "4.7.3"],
  ["/A", "A", false, "4.7.3"],
  ["A/", "A", false, "[MQTT-4.7.3-4]"],
  ["a//b", "a/b", false, "[MQTT-4.7.3-4]"],
  ["\u00e9", "e\u0301", false, "[MQTT-4.7.3-4]"],
  ["/", "/", true, "two empty levels"],
  ["+/+", "/", true, "two empty levels"],
  ["a", "a/b", false, "no more levels than the filter has"],
  ["a/b", "a", false, "no fewer levels than the filter has"],
  ["a/b", "a/bc", false, "whole levels only"],
  ["a/bc", "a/b", false, "whole levels only"],
  ["a/+/", "a/b/", true, "an empty level at the end"],
  ["a/+/", "a/b", false, "an empty level at the end"],
  ["a/+/#", "a", false, "+ takes one level, not none"],
  ["a/+/#", "a/b", true, "# takes in the parent"],
];

for (const [filter, name, expected, why] of rows) {
  const verb = expected ? "holds" : "does not hold";
  Deno.test(`matches() ${verb} when the filter is ${filter} and the name ${name}: ${why}`, () => {
    assert.equal(matches(filter, name), expected);
    assert.equal(reaches(filter, name), expected, "reaches");
    const filters = new FilterTree<string, number>((_topic, values) => values.length, 10);
    filters.add(filter, "client", "value");
    assert.equal(filters.collect(name).length, expected ? 1 : 0, "FilterTree.collect");
    const retained = new RetainedTree<string>();
    retained.set(name, "message");
    assert.equal([...retained.matching(filter)].length, expected ? 1 : 0, "RetainedTree.matching");
  });
}
