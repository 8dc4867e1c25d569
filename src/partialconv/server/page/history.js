// The states of a session as small pictures, to go back to.

// `choose` is called with the number of a state.
export function showHistory(list, session, choose) {
  list.hidden = session.states.length < 2;
  if (list.session !== session) list.replaceChildren();
  list.session = session;
  for (const [at, state] of session.states.entries()) {
    let item = list.children[at];
    if (!item) {
      item = document.createElement("li");
      const button = document.createElement("button");
      button.setAttribute("aria-label", state.label);
      button.title = state.seconds ? `${state.label}, ${state.seconds.toFixed(2)} s` : state.label;
      button.append(thumbnail(state.picture, state.box));
      button.onclick = () => choose(at);
      item.append(button);
      list.append(item);
    }
    item.firstChild.setAttribute("aria-current", at === session.at);
  }
  list.children[session.at]?.scrollIntoView({block: "nearest", inline: "nearest"});
}

// What changed, and something around it; the whole photo where nothing did.
function thumbnail({whole, small, width, height}, box) {
  const canvas = document.createElement("canvas"), side = 108, least = Math.min(width, height);
  canvas.width = canvas.height = side;
  const [left, top, right, bottom] = box ?? [0, 0, width, height];
  const seen = box ? Math.min(least, Math.max(64, 1.5 * Math.max(right - left, bottom - top))) : least;
  const start = (from, to, length) => Math.max(0, Math.min(length - seen, (from + to - seen) / 2));
  const source = small && seen / side > width / small.width ? small : whole, scale = source.width / width;
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, start(left, right, width) * scale, start(top, bottom, height) * scale, seen * scale, seen * scale, 0, 0, side, side);
  return canvas;
}
