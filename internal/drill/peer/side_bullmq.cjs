// BullMQ with ioredis. This process submits, another one is the worker.
//
// A load is read from standard input as JSON, and what was measured is written
// to standard output; see Load and Ran in queue.go. Starting is no part of the
// time. The packages are those of bullmq/package.json, found by NODE_PATH.
"use strict";

const { fork } = require("node:child_process");
const { readFileSync } = require("node:fs");

const QUEUE = "bullmq-bench";
const PAYLOAD = { job_id: "job_00000000000000000000000000000000", tenant: "bench" };
const HOW =
  "finished tasks not kept (by default they are; so it is faster), acknowledged after a task ran, one process submits and one works";

// library returns the library, or nothing when it is not installed.
function library() {
  try {
    return require("bullmq");
  } catch (e) {
    if (e.code === "MODULE_NOT_FOUND") return null;
    throw e;
  }
}

// clock is the same for every process of the system.
const clock = () => Number(process.hrtime.bigint()) / 1e9;

// connection of a load; a worker has to wait for ever.
const connection = (load) => ({ url: load.url, maxRetriesPerRequest: null });

// fail ends the process, as no result would be true.
function fail(e) {
  console.error(e);
  process.exit(1);
}

// work is the worker, which tells when it is ready, and of the last task's end.
async function work({ Worker }, load) {
  let left = load.tasks;
  const worker = new Worker(QUEUE, async () => {}, { connection: connection(load), concurrency: load.slots });
  worker.on("completed", () => {
    if (--left === 0) process.send({ ended: clock() });
  });
  worker.on("failed", (_, e) => fail(e));
  worker.on("error", fail);
  await worker.waitUntilReady();
  process.send({ ready: true });
  process.on("message", async () => {
    await worker.close();
    process.exit(0);
  });
}

// told resolves with the field of a message that has it.
function told(child, field) {
  return new Promise((resolve, reject) => {
    child.on("message", (m) => field in m && resolve(m[field]));
    child.on("exit", () => reject(new Error("the worker has ended before it was " + field)));
  });
}

// submit has every caller submit one task after another.
async function submit(queue, load) {
  let next = 0;
  const caller = async () => {
    while (next++ < load.tasks) await queue.add("noop", PAYLOAD, { removeOnComplete: true });
  };
  await Promise.all(Array.from({ length: load.callers }, caller));
}

async function main() {
  const bullmq = library();
  if (process.send) {
    process.once("disconnect", () => process.exit(1)); // the other one is gone
    process.once("message", (load) => work(bullmq, load).catch(fail));
    return;
  }
  const load = JSON.parse(readFileSync(0, "utf8"));
  if (bullmq === null) {
    console.log(JSON.stringify({ absent: "BullMQ: run scripts/bench-needs.sh, and name its folder node_modules in NODE_PATH, as make bench does" }));
    return;
  }
  const child = fork(__filename, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const [ready, ended] = [told(child, "ready"), told(child, "ended")];
  ended.catch(() => {}); // until it is waited for
  child.send(load);
  const queue = new bullmq.Queue(QUEUE, { connection: connection(load) });
  queue.on("error", fail);
  await queue.waitUntilReady();
  await ready;
  const start = clock();
  await submit(queue, load);
  const seconds = (await ended) - start;
  child.send("stop");
  await new Promise((resolve) => child.once("exit", resolve));
  await queue.obliterate({ force: true });
  await queue.close();
  const { version } = require("bullmq/package.json");
  console.log(JSON.stringify({ version: "BullMQ " + version, how: HOW, seconds }));
}

main().catch(fail);
