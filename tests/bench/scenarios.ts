/**
 * What is measured, as arguments of mqload and the figure of its result that counts.
 */

export interface Scenario {
  readonly name: string;
  readonly args: readonly string[];
  /** Takes `--duration`. */
  readonly timed: boolean;
  readonly unit: string;
  readonly figure: (result: Record<string, unknown>) => number;
}

const perSecond = {
  timed: true,
  unit: "messages/s",
  figure: (result: Record<string, unknown>) => Number(result["msgs_s"]),
};

const pairs = (name: string, ...args: string[]): Scenario => ({
  name,
  args: ["--mode", "pairs", ...args],
  ...perSecond,
});

export const scenarios: readonly Scenario[] = [
  pairs("pairs qos 0", "--pubs", "50", "--qos", "0"),
  pairs("pairs qos 0, 5.0", "--pubs", "50", "--qos", "0", "--version", "5"),
  pairs("pairs qos 0, one a write", "--pubs", "50", "--qos", "0", "--batch", "1"),
  pairs("pairs qos 1", "--pubs", "100", "--qos", "1"),
  pairs("pairs qos 2", "--pubs", "100", "--qos", "2"),
  {
    name: "fanout qos 0, 100",
    args: ["--mode", "fanout", "--subs", "100", "--qos", "0"],
    ...perSecond,
  },
  {
    name: "fanout qos 1, 100",
    args: ["--mode", "fanout", "--subs", "100", "--qos", "1"],
    ...perSecond,
  },
  { name: "fanin qos 0", args: ["--mode", "fanin", "--pubs", "100", "--qos", "0"], ...perSecond },
  { name: "shared qos 0", args: ["--mode", "shared", "--qos", "0"], ...perSecond },
  { name: "shared qos 1", args: ["--mode", "shared", "--qos", "1"], ...perSecond },
  {
    name: "connect",
    args: ["--mode", "connect", "--clients", "2000"],
    timed: false,
    unit: "connects/s",
    figure: (result) => Number(result["connects_s"]),
  },
  {
    name: "idle connection",
    args: ["--mode", "connect", "--clients", "5000"],
    timed: false,
    unit: "bytes",
    figure: (result) => Number(result["bytes_per_connection"]),
  },
];
