/**
 * The programs of others that tests talk to the broker with, and tests that depend on them.
 */

/** What is looked for, and the Debian package that has it. */
export const tools = {
  mosquitto: { debianPackage: "mosquitto", pythonModule: undefined },
  mosquitto_ctrl: { debianPackage: "mosquitto", pythonModule: undefined },
  mosquitto_passwd: { debianPackage: "mosquitto", pythonModule: undefined },
  mosquitto_pub: { debianPackage: "mosquitto-clients", pythonModule: undefined },
  mosquitto_rr: { debianPackage: "mosquitto-clients", pythonModule: undefined },
  mosquitto_sub: { debianPackage: "mosquitto-clients", pythonModule: undefined },
  /** So that mosquitto_sub writes a line when it has one, and not when it has 4 KiB. */
  stdbuf: { debianPackage: "coreutils", pythonModule: undefined },
  openssl: { debianPackage: "openssl", pythonModule: undefined },
  haproxy: { debianPackage: "haproxy", pythonModule: undefined },
  /** With redis-cli; Sentinel is the same program. */
  "redis-server": { debianPackage: "redis-server", pythonModule: undefined },
  "chromium-headless-shell": {
    debianPackage: "chromium-headless-shell",
    pythonModule: undefined,
  },
  paho: { debianPackage: "python3-paho-mqtt", pythonModule: "paho.mqtt.client" },
  prometheus: {
    debianPackage: "python3-prometheus-client",
    pythonModule: "prometheus_client.openmetrics.parser",
  },
} as const;

export type Tool = keyof typeof tools;

/** Debian's own: another python3 that comes first in PATH does not see Debian's packages. */
const DEBIAN_PYTHON = "/usr/bin/python3";
/** Where Debian puts daemons, which is not in everybody's PATH. */
const MORE_PATHS = ["/usr/bin", "/usr/sbin", "/usr/local/sbin"];

/** The path of a program, or of the python3 that has the module; undefined where it is missing. */
export function tool(name: Tool): string | undefined {
  const { pythonModule } = tools[name];
  if (pythonModule !== undefined) return pythonWith(pythonModule);
  const paths = [...(Deno.env.get("PATH") ?? "").split(":"), ...MORE_PATHS];
  return paths.filter((path) => path !== "").map((path) => `${path}/${name}`).find(isFile);
}

/** Whether there is a file of that name. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function pythonWith(module: string): string | undefined {
  if (!isFile(DEBIAN_PYTHON)) return undefined;
  const { success } = new Deno.Command(DEBIAN_PYTHON, {
    args: ["-c", `import ${module}`],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? DEBIAN_PYTHON : undefined;
}

/**
 * Registers a test that needs these tools: ignored, with their names in its title, where one is missing;
 * failing there when the environment says CI=true.
 */
export function toolTest(
  needed: readonly Tool[],
  title: string,
  fn: () => Promise<void> | void,
  { find = tool, ci = Deno.env.get("CI") === "true", register = Deno.test as Register } = {},
): void {
  const missing = needed.filter((name) => find(name) === undefined);
  if (missing.length === 0) return register({ name: title, fn });
  const name = `${title} [needs ${missing.join(", ")}]`;
  if (!ci) return register({ name, ignore: true, fn });
  register({
    name,
    fn() {
      throw new Error(`${missing.join(", ")} is missing: run tests/setup.ts as root on Debian`);
    },
  });
}

type Register = (test: {
  readonly name: string;
  readonly ignore?: boolean;
  readonly fn: () => Promise<void> | void;
}) => void;
