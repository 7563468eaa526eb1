/**
 * What services ask of a cluster and takes time: asking the other nodes, and what the shared state knows of all.
 */

import type { Cluster } from "../cluster/cluster.ts";
import type { Task, TaskResult } from "../service/service.ts";
import type { Soon } from "../store/store.ts";
import type { AskNodes } from "./ask_nodes.ts";

/** Milliseconds that the shared state may take to tell of the nodes. */
const PATIENCE = 5_000;

/** Tasks that are done without a cluster. */
export type OwnTask = Exclude<
  Task,
  { readonly type: "askNodes" | "clusterStatus" | "fetchSession" }
>;

/**
 * Does all tasks.
 *
 * @param own does those that need no cluster
 */
export function clusterTasks(
  cluster: Pick<Cluster, "status"> | undefined,
  nodes: Pick<AskNodes, "ask"> | undefined,
  own: (task: OwnTask) => Soon<TaskResult>,
  patience = PATIENCE,
): (task: Task) => Soon<TaskResult> {
  return (task) => {
    switch (task.type) {
      case "askNodes":
        return nodes === undefined ? NO_CLUSTER : nodes.ask(task);
      case "clusterStatus":
        return cluster === undefined ? NO_CLUSTER : within(patience, statusOf(cluster));
      case "fetchSession": // which is the broker's: see control.ts
        return NO_CLUSTER;
      default:
        return own(task);
    }
  };
}

const NO_CLUSTER: TaskResult = {
  type: "failed",
  reason: "unavailable",
  detail: "this broker is no node of a cluster",
};

async function statusOf(cluster: Pick<Cluster, "status">): Promise<TaskResult> {
  return { type: "clusterStatus", nodes: await cluster.status() };
}

function within(milliseconds: number, result: Promise<TaskResult>): Promise<TaskResult> {
  const { promise, resolve, reject } = Promise.withResolvers<TaskResult>();
  const detail = `the store has not answered for ${milliseconds / 1000} s`;
  const timer = setTimeout(
    () => resolve({ type: "failed", reason: "failed", detail }),
    milliseconds,
  );
  result.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
