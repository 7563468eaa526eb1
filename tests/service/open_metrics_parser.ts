/**
 * A strict reader of OpenMetrics 1.0 text, written from the specification's grammar and rules and not from the
 * writer: what it does not expect, it refuses with the line.
 */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  unit: string;
  help: string | undefined;
  readonly samples: Sample[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_count", "_sum", "_created"],
  info: ["_info"],
};
const NUMBER = String.raw`[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|\+Inf|-Inf|NaN`;
const SAMPLE = new RegExp(
  String.raw`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (${NUMBER})$`,
);
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,(?!$)|$)/;

/** The families by name; throws an Error for the first line that the format does not allow. */
export function parseOpenMetrics(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n# EOF\n")) throw new Error("the text does not end in # EOF");
  const families = new Map<string, Family>();
  let current: Family | undefined;
  for (const line of text.slice(0, -"\n# EOF\n".length).split("\n")) {
    const meta = /^# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (meta !== null) {
      const [, what, name, value] = meta as unknown as [string, string, string, string];
      if (what === "TYPE") {
        if (families.has(name)) {
          throw new Error(`${name} comes twice: families are not interleaved`);
        }
        if (SUFFIXES[value] === undefined) throw new Error(`no type: ${line}`);
        families.set(name, current = { name, type: value, unit: "", help: undefined, samples: [] });
      } else if (current?.name !== name || current.samples.length > 0) {
        throw new Error(`metadata of another family, or behind samples: ${line}`);
      } else if (what === "UNIT") {
        if (current.unit !== "") throw new Error(`a second unit: ${line}`);
        if (!name.endsWith(`_${value}`)) {
          throw new Error(`the name does not end in the unit: ${line}`);
        }
        current.unit = value;
      } else {
        if (current.help !== undefined) throw new Error(`a second help: ${line}`);
        if (/\\(?![\\n"])/.test(value)) throw new Error(`a bad escape: ${line}`);
        current.help = value;
      }
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) throw new Error(`neither metadata nor a sample: ${JSON.stringify(line)}`);
    const name = sample[1]!;
    if (
      current === undefined || !SUFFIXES[current.type]!.some((end) => name === current!.name + end)
    ) {
      throw new Error(`a sample outside of its family: ${line}`);
    }
    current.samples.push({ name, labels: labelsOf(sample[2], line), value: numberOf(sample[3]!) });
  }
  for (const family of families.values()) check(family);
  return families;
}

function labelsOf(text: string | undefined, line: string): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (let rest = text ?? ""; rest !== "";) {
    const match = LABEL.exec(rest);
    if (match === null) throw new Error(`bad labels: ${line}`);
    if (labels.has(match[1]!)) throw new Error(`a label twice: ${line}`);
    labels.set(match[1]!, match[2]!.replace(/\\(.)/g, (_, sign) => sign === "n" ? "\n" : sign));
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function numberOf(text: string): number {
  return text.endsWith("Inf") ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text);
}

/** No series twice; counters are never below 0; histograms are whole and cumulative. */
function check({ name, type, samples }: Family): void {
  const seen = new Set<string>();
  for (const sample of samples) {
    const series = `${sample.name}${JSON.stringify([...sample.labels].toSorted())}`;
    if (seen.has(series)) throw new Error(`a series twice: ${series}`);
    seen.add(series);
    if (type !== "gauge" && !(sample.value >= 0)) throw new Error(`${series} is ${sample.value}`);
    if (type === "info" && sample.value !== 1) throw new Error(`${series} is not 1`);
  }
  if (type !== "histogram") return;
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  let bound = -Infinity, below = 0;
  for (const { labels, value } of buckets) {
    const le = labels.get("le");
    if (le === undefined || !/^(\+Inf|\d+\.\d+|\d(\.\d+)?e-\d+)$/.test(le)) {
      throw new Error(`${name}: the bound ${le} is no canonical number`);
    }
    if (!(numberOf(le) > bound)) throw new Error(`${name}: bounds do not rise at ${le}`);
    if (value < below) throw new Error(`${name}: counts fall at ${le}`);
    [bound, below] = [numberOf(le), value];
  }
  if (bound !== Infinity) throw new Error(`${name} has no bucket for +Inf`);
  const count = samples.find((sample) => sample.name === `${name}_count`);
  if (count?.value !== below) throw new Error(`${name}_count is not that of the last bucket`);
  if (!samples.some((sample) => sample.name === `${name}_sum`)) {
    throw new Error(`${name} has no sum`);
  }
}

/** The value of one series; throws where there is none. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  for (const { samples } of families.values()) {
    for (const sample of samples) {
      if (sample.name !== name || sample.labels.size !== Object.keys(labels).length) continue;
      const same = Object.entries(labels).every(([key, text]) => sample.labels.get(key) === text);
      if (same) return sample.value;
    }
  }
  throw new Error(`there is no ${name} ${JSON.stringify(labels)}`);
}
