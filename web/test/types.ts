// Compiled, not run: what somebody writes who uses the package with TypeScript.

import {confidence, Finder, Inpainter, KINDS, plan, type Plan} from "@partialconv/web";

export async function repaired(photo: ImageData, marked: ImageData, signal: AbortSignal): Promise<ImageData> {
  const inpainter = await Inpainter.load(new URL("https://example.org/half.onnx"), {
    sha256: "0".repeat(64),
    providers: ["wasm"],
    onProgress: (loaded, total) => console.log(loaded / total),
  });
  return inpainter.fill(photo, marked, {signal, onProgress: (share: number) => console.log(share)});
}

export async function found(photo: {height: number; width: number; data: Uint8ClampedArray}): Promise<string[]> {
  const finder = await Finder.load("find.onnx", {worker: false});
  const {levels, kinds} = await finder.find(photo);
  finder.close();
  return Array.from(levels, (level, at) => (level > 100 ? KINDS[kinds[at]] : "nothing"));
}

const steps: Plan = plan(new Uint8Array(100), 10, 10);
export const sure: Float32Array = confidence(new Uint8Array(100), ...steps.size);

// @ts-expect-error A file name is no picture.
await (await Inpainter.load("half.onnx")).fill("photo.jpg", new Uint8Array(1));
