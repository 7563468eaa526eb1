/** A program run to its end, and what it printed: dunlin itself, or another. */

export interface Printed {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** What it reads. Default: nothing. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program. Whether it reads its input to the end is its own affair. */
export async function runProgram(
  path: string,
  args: readonly string[],
  { input = "", cwd, env = {} }: RunOptions = {},
): Promise<Printed> {
  const child = new Deno.Command(path, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  if (bytes.length > 0) await writer.write(bytes).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { status: code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

const main = new URL("../main.ts", import.meta.url).pathname;

/** Runs dunlin with these permissions of Deno, `--allow-read` and so on. */
export function runDunlin(
  permissions: readonly string[],
  args: readonly string[],
  options?: RunOptions,
): Promise<Printed> {
  const command = ["run", "--quiet", "--no-prompt", ...permissions, main, ...args];
  return runProgram(Deno.execPath(), command, options);
}
