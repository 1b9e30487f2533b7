// The official JavaScript SDK, unchanged: many promises at once, as JavaScript does it.
//
//   node with_js_sdk.mjs FOLDER
//
// FOLDER holds node_modules with @tago-io/sdk. Standard input and output are described in
// benchmarks/rivals/__init__.py.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(resolve(process.argv[2]), "package.json"));
const { Resources } = require("@tago-io/sdk");

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const nextLine = async () => (await lines.next()).value;

const job = JSON.parse(await nextLine());
process.env.TAGOIO_API = job.url;
const resources = new Resources({ token: job.token, region: "env" });

const known = [];
const failures = {};
let done = 0;
let next = 0;

async function work() {
  while (next < job.rows) {
    const number = next++;
    try {
      const { device_id, token } = await resources.devices.create({
        name: `Sensor ${number}`,
        type: "mutable",
        network: "5bbd0d144051a50034cd19fb",
        connector: "5f5a8f3351d4db99c40dece5",
        tags: [{ key: "site", value: String(number % 40) }],
      });
      if (!token) throw new Error("no token");
      known.push(device_id);
      if (job.mixed) {
        await resources.devices.info(device_id);
        await resources.devices.edit(device_id, { active: false });
      }
      done += 1;
    } catch (error) {
      const name = error instanceof Error ? error.name : typeof error;
      failures[name] = (failures[name] ?? 0) + 1;
    }
  }
}

// On Linux the figures of a process include those of its parent before exec.
function peakMemory() {
  if (!existsSync("/proc/self/status")) return process.resourceUsage().maxRSS / 1000;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1000;
}

console.log("ready");
const begin = Number(await nextLine()) * 1000;
await new Promise((resolve) => setTimeout(resolve, Math.max(begin - Date.now(), 0)));
const began = performance.now();
const cpu = process.cpuUsage();
await Promise.all(Array.from({ length: job.at_once }, work));
const used = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    seconds: (performance.now() - began) / 1000,
    cpu: (used.user + used.system) / 1e6,
    memory: peakMemory(),
    known,
    done,
    failures,
  }),
);
process.exit(0);
