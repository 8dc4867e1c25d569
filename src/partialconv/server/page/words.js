// What is said to people: the doctor's findings, refusals and hints, in plain words.

const FINDINGS = {
  alpha: "The hole was read from the transparency of the picture.",
  ambiguous: "Either part of this picture could be the hole. Paint the hole white on black.",
  copy: "This is a copy of the photo: what was painted on it was taken as the hole.",
  photo: "This looks like a photo, not like a hole.",
  jpeg: "This hole is a JPEG, which blurs edges: what is brighter than half was taken. Save holes as PNG.",
  grey: "This hole has grey edges: what is brighter than half was taken.",
  contrast: "This hole is not black and white: the brighter part was taken.",
  size: "This hole has another size than the photo, and was resized to it.",
  shape: "This hole has another shape than the photo. It must be drawn over this photo.",
  inverted: "This hole covers most of the photo and its border: it may be inverted. Key I turns it round.",
  empty: "There is nothing white in this hole.",
  full: "This hole covers the whole photo: leave a part of it unpainted.",
};
const REFUSALS = {
  busy: "The server is busy. Trying again.",
  hole_empty: "Paint over something first.",
  hole_full: FINDINGS.full,
  hole_shape: FINDINGS.shape,
  token: "This page needs its whole address, with the token that the server printed.",
  format: "This file cannot be read. Open a JPEG, PNG, WebP, TIFF, BMP, AVIF, GIF or HEIC.",
};
const WIDE = 16; // pixels from the border of a hole: beyond, what was there is not known

export const findings = (report) => report.findings.map(({code, message}) => FINDINGS[code] ?? message).join(" ");

// What to know about the result.
export const remarks = (report) => report.remarks.map((remark) => `${sentence(remark)}.`).join(" ");

export const refusal = (error) => REFUSALS[error.code] ?? sentence(error.message);

export const KINDS = {
  dust: ["Dust", "Dust, dirt and specks"],
  scratches: ["Scratches", "Scratches, hairs and fibres"],
  cracks: ["Cracks", "Cracks, folds and tears"],
  stamp: ["Date stamp", "A date that the camera has printed"],
  text: ["Lettering", "Lettering and subtitles"],
};
const MUCH = 0.15; // of a photo: damage is rarely more

const percent = (share) => (share < 0.001 ? "less than 0.1 %" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);

// What was found, and whether that is a warning.
export function found(count, share, touch) {
  if (!count) return ["Nothing is marked. Move the slider to the right to find more.", false];
  const finds = `${count} ${count === 1 ? "find" : "finds"}, ${percent(share)} of the photo.`;
  if (share > MUCH) {
    return [`${finds} So much is rarely damage: move the slider to the left.`, true];
  }
  return [`${finds} ${touch ? "Tap" : "Click"} what is no damage to leave it out, then fill.`, false];
}

export const oneFind = ({kind, dropped}, number, count) =>
  `${KINDS[kind][0]}, find ${number} of ${count}${dropped ? ", left out" : ""}. ${dropped ? "Delete takes it in again." : "Delete leaves it out."}`;

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// An honest word before a fill that will disappoint.
export function hint(hole) {
  if (hole.ratio > 0.5) return "More than half of the photo is painted over: there is little to continue.";
  const depth = hole.depth();
  if (depth > WIDE) {
    return `About ${Math.round((2 * depth) / 10) * 10} pixels wide: its inside is made up from the rest of the photo.`;
  }
  return "";
}
