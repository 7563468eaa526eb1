/**
 * `cluster/status`: the nodes of the cluster, what the shared state knows of each, and what each says of itself.
 */

import type { NodeAnswer, NodeView } from "../service.ts";
import type { At } from "./command.ts";
import { command, refuse } from "./command.ts";
import { healthProblems } from "./health.ts";
import { nameOf } from "./on_node.ts";
import { asking, othersOf } from "./other_nodes.ts";

export const clusterStatus = command({
  name: "cluster/status",
  help:
    "lists the nodes of the cluster: who answers, how far each is, whether their tables are alike",
  changes: false,
  example: {},
  shape: {},
  run(_, at) {
    const { view: { broker: { cluster } }, request } = at;
    if (request.passedOn !== undefined) return { data: self(at) };
    if (cluster === undefined) return { data: { node: null, nodes: [], alike: null } };
    return asking({}, at, othersOf(at), ({ answers, unanswered }) => ({
      task: { type: "clusterStatus" },
      then(result, later) {
        if (result.type !== "clusterStatus") return refuse("failed", "the store does not answer");
        const all = [{ node: cluster.node, data: self(later) }, ...answers];
        const nodes = result.nodes.map((node) => row(node, all));
        const { node } = cluster;
        return { data: { node, nodes, alike: areAlike(result.nodes), unanswered } };
      },
    }));
  },
});

/** What a node says of itself. */
function self({ view, now }: At) {
  const { broker, world } = view;
  return {
    connections: broker.connections.size,
    uptime: Math.round((now - world.startedAt) / 1000),
    draining: world.draining,
    problems: healthProblems(view),
  };
}

function row(node: NodeView, all: readonly NodeAnswer[]) {
  const answer = all.find((each) => each.node === node.node);
  const says = answer !== undefined && "data" in answer ? answer.data : undefined;
  return {
    node: node.node,
    name: node.name === "" ? nameOf(node.node) : node.name,
    version: node.version,
    slot: node.slot,
    lease: node.lease,
    applied: node.applied,
    checksum: node.checksum === "" ? null : node.checksum,
    answers: says !== undefined,
    connections: says?.["connections"] ?? null,
    uptime: says?.["uptime"] ?? null,
    draining: says?.["draining"] ?? null,
    problems: says?.["problems"] ?? null,
  };
}

/** Whether the tables of all are the same; null as long as one did not say. They differ while something is under way. */
function areAlike(nodes: readonly NodeView[]): boolean | null {
  if (nodes.some(({ checksum }) => checksum === "")) return null;
  return new Set(nodes.map(({ checksum }) => checksum)).size <= 1;
}
