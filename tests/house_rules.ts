/**
 * The house rules of the source as a pure function from texts to offences: sections 3 and 9 of the
 * architecture. It reads no files; `house_rules_test.ts` does.
 */

/** A source file; `path` is relative to the repository, with `/`. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Folders of `src/` by rank: a file imports its own folder or a lower rank. */
const RANKS: readonly (readonly string[])[] = [
  ["packet", "topic"],
  ["policy"],
  ["session"],
  ["connection"],
  ["broker"],
  ["service", "store", "cluster", "transport", "authentication"],
  ["redis", "admin"],
  ["server"],
  ["command"],
];

/** Ranks up to this one, and `service/`, are pure. */
const LAST_PURE_RANK = 4;

/** Where a package of the table in section 9 may be imported; what is not here may be nowhere. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  "mqtt-packet": /^src\/packet\/control_packet\.ts$/,
  "node:buffer": /^src\/packet\/control_packet\.ts$/,
  "redis": /^src\/redis\//,
  "@logtape/logtape": /^src\/server\/log\.ts$/,
  "commander": /^(main\.ts$|src\/command\/)/,
  "zod": /^src\/(server\/config[a-z_]*|service\/management\/[a-z_/]+)\.ts$/,
  "jsonc-parser": /^src\/server\/config[a-z_]*\.ts$/,
  "hono": /^src\/admin\//,
  "jose": /^src\/authentication\/jwt[a-z_]*\.ts$/,
};

/** The rest of Node's own modules: for those who may touch the world. */
const NODE_MODULE = /^node:/;
const MAY_USE_NODE =
  /^(main\.ts$|src\/(store|cluster|transport|authentication|redis|admin|server|command)\/)/;

const IMPURE: readonly (readonly [word: string, pattern: RegExp])[] = [
  ["async", /\basync\b/],
  ["await", /\bawait\b/],
  ["Promise", /\bPromise\b/],
  ["Deno.", /\bDeno\s*\./],
  ["Date", /\bDate\b/],
  ["Math.random", /\bMath\s*\.\s*random\b/],
  ["setTimeout", /\bset(Timeout|Interval|Immediate)\b/],
  ["crypto", /\bcrypto\b/],
  ["console", /\bconsole\b/],
  ["class … extends", /\bclass\b\s*[\w$]*\s*(<[^{;]*>)?\s*extends\b/],
];

/** All offences, one line each: the file, what was found, what is expected. */
export function offences(sources: readonly Source[]): string[] {
  return sources.flatMap(offencesOf);
}

function offencesOf(source: Source): string[] {
  const { path, text } = source;
  const found: string[] = [];
  if (!text.startsWith("/**")) found.push(`${path}: no /** head; a file begins with what it is`);
  if (/\b(TODO|FIXME)\b/.test(text)) found.push(`${path}: a TODO or FIXME; do it or open an issue`);
  const code = withoutComments(text);
  for (const { specifier } of imports(code)) {
    const offence = specifier.startsWith(".")
      ? pathOffence(path, specifier)
      : packageOffence(path, specifier);
    if (offence !== undefined) found.push(`${path}: imports "${specifier}"; ${offence}`);
  }
  if (isBarrel(path, code)) found.push(`${path}: a barrel; the only barrel is src/mod.ts`);
  if (isPure(path)) {
    const words = withoutStrings(code);
    for (const [word, pattern] of IMPURE) {
      if (word === "class … extends" && path === "src/packet/malformed_packet.ts") continue;
      if (pattern.test(words)) found.push(`${path}: has "${word}", which the core must not`);
    }
  }
  return found;
}

/** Hands on another folder's names, or has nothing of its own: both hide the direction of imports. */
function isBarrel(path: string, code: string): boolean {
  const exports = imports(code).filter(({ exported }) => exported);
  if (exports.length === 0 || path === "src/mod.ts") return false;
  return exports.some(({ specifier }) => !specifier.startsWith("./")) ||
    code.replace(STATEMENT, "").replace(/[\s;]/g, "") === "";
}

function isPure(path: string): boolean {
  const folder = folderOf(path);
  if (folder === undefined) return false;
  const rank = rankOf(folder);
  return folder === "service" || rank !== undefined && rank <= LAST_PURE_RANK;
}

/** `session` for `src/session/queue.ts`; undefined for what lies in no folder of `src/`. */
function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function rankOf(folder: string): number | undefined {
  const rank = RANKS.findIndex((folders) => folders.includes(folder));
  return rank === -1 ? undefined : rank;
}

function pathOffence(path: string, specifier: string): string | undefined {
  if (path === "main.ts" && specifier === "./deno.json") return undefined;
  if (!specifier.endsWith(".ts")) return "a path ends with .ts";
  const target = resolved(path, specifier);
  const to = folderOf(target);
  if (path === "main.ts" || path === "src/mod.ts") return undefined;
  const from = folderOf(path);
  if (from === undefined || rankOf(from) === undefined) return `"${path}" is in no ranked folder`;
  if (to === undefined || rankOf(to) === undefined) return `"${target}" is in no ranked folder`;
  if (from === to) return undefined;
  const [mine, other] = [rankOf(from)!, rankOf(to)!];
  if (other < mine) return undefined;
  return other === mine
    ? `folders of rank ${mine} do not import each other`
    : `${to} is of rank ${other}, ${from} of rank ${mine} imports lower ranks only`;
}

function packageOffence(path: string, specifier: string): string | undefined {
  const name = /^(node:.*|@[^/]+\/[^/]+|[^/]+)/.exec(specifier)![0];
  const allowed = PACKAGES[name];
  if (allowed === undefined) {
    if (!NODE_MODULE.test(name)) return "the package is not in the table of dependencies";
    return MAY_USE_NODE.test(path) ? undefined : "the core uses nothing of Node";
  }
  return allowed.test(path) ? undefined : `the package is kept to ${allowed.source}`;
}

function resolved(path: string, specifier: string): string {
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

const STATEMENT = /\b(import|export)\s+(?:type\s+)?(?:[\w$\s{},*]*?\s*from\s*)?["']([^"']+)["']/g;

interface Import {
  readonly specifier: string;
  readonly exported: boolean;
}

/** All import and export-from statements, `import type` and `import()` included. */
export function imports(code: string): Import[] {
  const dynamic = /\bimport\s*\(\s*["']([^"']+)["']/g;
  return [
    ...code.matchAll(STATEMENT).map(([, word, specifier]) => ({
      specifier: specifier!,
      exported: word === "export",
    })),
    ...code.matchAll(dynamic).map(([, specifier]) => ({ specifier: specifier!, exported: false })),
  ];
}

/** Longest first: comments, strings (no `${}` inside), regular expressions after what ends no value. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|(?<=[=(,:!&|?{};]\s*)\/(?![/*])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/g;

/** The text with each comment as one space; strings stay. */
export function withoutComments(text: string): string {
  return text.replace(
    TOKEN,
    (token) => token.startsWith("//") || token.startsWith("/*") ? " " : token,
  );
}

/** The text without comments, strings and regular expressions; what stands in `${…}` stays. */
export function withoutStrings(text: string): string {
  return text.replace(TOKEN, (token) => {
    if (!token.startsWith("`")) return '""';
    return [...token.matchAll(/\$\{([^}]*)\}/g)].map(([, code]) => ` ${code} `).join("") || '""';
  });
}
