// Whether a photo may be turned by its metadata. Browsers agree with the server, and with each other, for JPEG alone;
// they differ over EXIF in WebP and PNG, and over AVIF and HEIC. Such photos are shown as the server turns them.

const text = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length));

export async function mayBeTurned(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return false;
  if (["BM", "GI"].includes(text(bytes, 0, 2))) return false;
  if (text(bytes, 1, 3) === "PNG") {
    for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
      const kind = text(bytes, at + 4, 4);
      if (kind === "eXIf" || text(bytes, at + 8, 21) === "Raw profile type exif") return true;
    }
    return false;
  }
  if (text(bytes, 0, 4) === "RIFF") {
    for (let at = 12; at + 8 <= bytes.length; ) {
      if (text(bytes, at, 4) === "EXIF") return true;
      const size = view.getUint32(at + 4, true);
      at += 8 + size + (size % 2);
    }
    return false;
  }
  return true;
}
