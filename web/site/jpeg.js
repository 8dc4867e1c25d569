// What a JPEG says of itself, carried from the photo to the file that a canvas writes, which says nothing.

const EXIF = "Exif\0\0", PROFILE = "ICC_PROFILE\0";

const text = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length));

export const isJpeg = (bytes) => bytes[0] === 0xff && bytes[1] === 0xd8;

// [marker, whole segment] up to the picture itself.
function* segmentsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1], length = 2 + view.getUint16(at + 2);
    if (marker === 0xda) return;
    yield [marker, bytes.subarray(at, at + length)];
    at += length;
  }
}

// Whether it holds ink instead of light.
export const isCmyk = (bytes) => [...segmentsOf(bytes)].some(([marker, segment]) => marker >= 0xc0 && marker <= 0xc2 && segment[9] === 4);

// `written` with the EXIF data, the profile and the comments of `photo`; the picture is upright now.
export async function withMetadata(written, photo) {
  const target = new Uint8Array(await written.arrayBuffer());
  const kept = [...segmentsOf(photo)].filter(([marker, segment]) => {
    if (marker === 0xe2) return text(segment, 4, PROFILE.length) === PROFILE && !isCmyk(photo);
    return marker === 0xe1 || marker === 0xed || marker === 0xfe;
  }).map(([, segment]) => (text(segment, 4, 6) === EXIF ? upright(segment) : segment));
  // behind the first segment, which readers expect to come first
  const [first] = segmentsOf(target), head = 2 + first[1].length;
  return new Blob([target.subarray(0, head), ...kept, target.subarray(head)], {type: "image/jpeg"});
}

function upright(segment) {
  const bytes = segment.slice(), start = 10, view = new DataView(bytes.buffer, start), little = bytes[start] === 0x49;
  try {
    const folder = view.getUint32(4, little);
    for (let entry = 0; entry < view.getUint16(folder, little); entry++) {
      const at = folder + 2 + 12 * entry;
      if (view.getUint16(at, little) === 0x0112) view.setUint16(at + 8, 1, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // broken EXIF stays as it is
  }
  return bytes;
}
