/**
 * A disk of a few megabytes for the program under test: a tmpfs in a mount namespace of its own, which
 * is gone with the process that holds it. Needs no root where users may have namespaces.
 */

import { Lines } from "./lines.ts";

export interface SmallDisk {
  /** Where the programs that are started `under` it find it. */
  readonly path: string;
  /** What to start a program under, so that it sees the disk: see `startBroker`. */
  readonly under: readonly string[];
  /** Takes so many bytes away from it, or all that are left, until `makeRoom`. */
  readonly fill: (bytes?: number) => Promise<void>;
  readonly makeRoom: () => Promise<void>;
  /** Ends it with all that is on it. */
  readonly end: () => Promise<void>;
}

const MOUNT = 'mount -t tmpfs -o "size=$1" dunlin "$2" && echo mounted && exec cat';

/** Makes a disk; throws with the words of the system where it may not be made. */
export async function smallDisk(bytes: number): Promise<SmallDisk> {
  const path = await Deno.makeTempDir({ prefix: "dunlin-disk-" });
  const user = Deno.uid() === 0 ? [] : ["--user", "--map-root-user"];
  const holder = new Deno.Command("unshare", {
    args: [...user, "--mount", "sh", "-c", MOUNT, "sh", String(bytes), path],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stop = async () => {
    await holder.stdin.close(); // ends `cat`
    await holder.status;
    await Deno.remove(path);
  };
  const said = new Lines(holder.stderr);
  const lines = new Lines(holder.stdout);
  await Promise.race([lines.find((line) => line === "mounted", "a mounted disk"), lines.ended]);
  if (!lines.all.includes("mounted")) {
    await said.ended;
    await stop();
    throw new Error(`no small disk can be mounted: ${said.all.join(" ")}`);
  }
  const filler = `/proc/${holder.pid}/root${path}/filler`;
  const asUser = user.length === 0 ? [] : ["--user", "--preserve-credentials"];
  return {
    path,
    under: ["nsenter", "--target", String(holder.pid), ...asUser, "--mount"],
    async fill(bytes = Infinity) {
      const file = await Deno.open(filler, { create: true, append: true });
      const block = new Uint8Array(4_096);
      try {
        for (let at = 0; at < bytes; at += block.length) await file.write(block);
      } catch (error) {
        if (bytes !== Infinity) throw error;
      } finally {
        file.close();
      }
    },
    makeRoom: () => Deno.remove(filler),
    async end() {
      await stop();
      await Promise.all([lines.ended, said.ended]);
    },
  };
}
