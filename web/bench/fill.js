// Fills a photo and tells its processor time, for benchmarks/web.py: node fill.js MODEL PHOTO HOLE HEIGHT WIDTH

import {readFileSync} from "node:fs";
import {pathToFileURL} from "node:url";

import {Inpainter} from "../src/index.js";

const [model, photo, hole, height, width] = process.argv.slice(2);
const seconds = (since) => { const {user, system} = process.cpuUsage(since); return (user + system) / 1e6; };
let started = process.cpuUsage();
const inpainter = await Inpainter.load(pathToFileURL(model));
const load = seconds(started);
const picture = {height: +height, width: +width, data: new Uint8ClampedArray(readFileSync(photo))};
started = process.cpuUsage();
await inpainter.fill(picture, new Uint8Array(readFileSync(hole)));
console.log(JSON.stringify({load, fill: seconds(started)}));
