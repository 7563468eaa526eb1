import { SharedState } from "../cluster/state.ts";
import { ModelNode } from "../cluster/model.ts";
import type { Ears } from "../cluster/model.ts";
import { Random } from "../simulation/random.ts";
import { VirtualTime } from "../simulation/clock.ts";
import { clusterContract } from "./cluster_contract.ts";
import type { OpenedCluster, Peer } from "./cluster_trial.ts";

/** Milliseconds of a lease; virtual ones. */
const LEASE = 3_000;

let seed = 0;

/** A model of its own time, which goes on whenever somebody waits. */
function openModel(most: number, lost: number): OpenedCluster {
  const time = new VirtualTime();
  const random = new Random(++seed);
  const state = new SharedState(LEASE);
  const ears: Ears = new Map();
  let closed = false;
  const goOn = async () => {
    while (!closed) {
      await time.run(5);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  void goOn();
  return {
    lease: LEASE,
    async join(name): Promise<Peer> {
      let losing = false;
      const nature = {
        time,
        latency: () => random.between(0, most),
        lost: () => {
          const now = losing;
          losing = false;
          return now || random.chance(lost);
        },
        castLost: () => random.chance(lost),
        isDown: () => false,
      };
      const node = await ModelNode.join({ state, nature, ears, writes: () => 40 }, name);
      return {
        driver: node,
        kill: () => Promise.resolve(node.kill()),
        cut: () => Promise.resolve(void (node.channel.cut = true)),
        mend: () => Promise.resolve(void (node.channel.cut = false)),
        loseAnswer: () => Promise.resolve(void (losing = true)),
      };
    },
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    close() {
      closed = true;
      return Promise.resolve();
    },
  };
}

clusterContract("ModelNode", () => Promise.resolve(openModel(0, 0)));

clusterContract("ModelNode far away", () => Promise.resolve(openModel(40, 0)));

clusterContract("ModelNode that loses answers", () => Promise.resolve(openModel(10, 0.1)));
