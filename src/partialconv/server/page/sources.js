// Where photos come from: a file, a drop, the clipboard, the camera, or a sample.

const $ = (id) => document.getElementById(id);
const SAMPLES = [ // name, label, and whether their damage is found rather than painted
  ["scratches", "Scratches", true],
  ["lettering", "Lettering"],
  ["wires", "Wires"],
];

// `take` gets a file, and for samples the picture of a hole, and whether to look for damage first.
export function listenForPhotos(take, say) {
  const pick = () => $("file").click();
  $("choose").onclick = $("open").onclick = pick;
  $("file").onchange = () => {
    const [file] = $("file").files;
    $("file").value = ""; // the same file can be opened again
    if (file) take(file);
  };

  let depth = 0; // of nested elements that the drag has entered
  const show = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", (event) => { event.preventDefault(); show(+1); });
  addEventListener("dragleave", () => show(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    show(-depth);
    const [file] = event.dataTransfer.files;
    if (file) take(file);
    else say("That is not a file. Drop a photo.", true);
  });
  addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find(({type}) => type.startsWith("image/"));
    if (file) take(file);
  });

  for (const [name, label, found] of SAMPLES) {
    const item = document.createElement("li"), button = document.createElement("button"), text = document.createElement("span");
    const image = new Image();
    [image.src, image.alt, text.textContent] = [`samples/${name}.jpg`, `Sample: ${label}`, label];
    button.append(image);
    button.onclick = async () => {
      const [photo, hole] = await Promise.all(
        [`${name}.jpg`, `${name}.holes.png`].map(async (file) => (await fetch(`samples/${file}`)).blob()),
      );
      take(new File([photo], `${name}.jpg`, {type: "image/jpeg"}), hole, found);
    };
    item.append(button, text);
    $("samples").append(item);
  }
  listenForCamera(take, say);
  return pick;
}

function listenForCamera(take, say) {
  const dialog = $("camera"), video = dialog.querySelector("video");
  $("shoot").hidden = !navigator.mediaDevices?.getUserMedia;
  $("shoot").onclick = async () => {
    try {
      const wish = {facingMode: {ideal: "environment"}, width: {ideal: 4096}, height: {ideal: 4096}};
      video.srcObject = await navigator.mediaDevices.getUserMedia({video: wish});
    } catch (error) {
      say(error.name === "NotAllowedError" ? "The browser was not allowed to use the camera." : "There is no camera.", true);
      return;
    }
    dialog.showModal();
    await video.play();
  };
  $("stop").onclick = () => dialog.close();
  dialog.onclose = () => {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  };
  $("snap").onclick = async () => {
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await canvas.convertToBlob({type: "image/png"});
    dialog.close();
    take(new File([blob], "camera.png", {type: "image/png"}));
  };
}
