// From pointers and wheel to gestures: painting with one, moving and pinching with two, with space, or the middle button.

const TAP = 6; // pixels that a finger or a mouse may move and still tap

export function listen(stage, view, act) {
  const down = new Map();
  let painting = null, moving = false, space = false, pinch = null;
  let tapped = null; // where the only finger went down, until it moves away

  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return {x: event.clientX - box.left, y: event.clientY - box.top};
  };
  const spread = () => {
    const [a, b] = [...down.values()];
    return {x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y)};
  };

  stage.addEventListener("pointerdown", (event) => {
    if (!view.photo || event.target.closest("button, a, [role=slider], dialog")) return;
    event.preventDefault();
    stage.focus({preventScroll: true});
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    tapped = down.size === 1 && event.button === 0 ? at(event) : null;
    if (down.size === 2) {
      if (painting !== null) act.cancel(); // the second finger says that the first did not mean to paint
      painting = null;
      pinch = spread();
    } else if (down.size === 1) {
      moving = space || event.button === 1 || act.tool() === "move";
      if (!moving && event.button === 0) {
        painting = event.pointerId;
        act.begin(view.toPhoto(at(event)), event);
      }
    }
    stage.classList.toggle("moving", moving);
  });

  stage.addEventListener("pointermove", (event) => {
    const point = at(event);
    act.hover(point, event);
    if (!down.has(event.pointerId)) return;
    const last = down.get(event.pointerId);
    down.set(event.pointerId, point);
    if (tapped && Math.hypot(point.x - tapped.x, point.y - tapped.y) > TAP) tapped = null;
    if (down.size === 2 && pinch) {
      const now = spread();
      view.zoom(now.size / Math.max(1, pinch.size), pinch, now.x - pinch.x, now.y - pinch.y);
      pinch = now;
    } else if (moving) {
      view.zoom(1, point, point.x - last.x, point.y - last.y);
    } else if (painting === event.pointerId) {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) act.paint(view.toPhoto(at(one)), one);
    }
  });

  const end = (event) => {
    if (!down.delete(event.pointerId)) return;
    if (painting === event.pointerId) {
      if (event.type === "pointercancel") act.cancel();
      else act.end(view.toPhoto(at(event)), event);
      painting = null;
    }
    if (tapped && event.type === "pointerup") act.tap(view.toPhoto(at(event)), event);
    tapped = null;
    if (down.size < 2) pinch = null;
    if (!down.size) moving = false;
    stage.classList.remove("moving");
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);
  stage.addEventListener("pointerleave", () => act.hover(null));
  stage.addEventListener("auxclick", (event) => event.preventDefault());

  stage.addEventListener("wheel", (event) => {
    if (!view.photo) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey) view.zoom(1, at(event), -(event.deltaX || event.deltaY) * unit, 0);
    else view.zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.002)), at(event));
  }, {passive: false});

  const hold = (pressed) => (event) => {
    if (event.code !== "Space" || event.target.closest("input, button, select, a, dialog")) return;
    event.preventDefault();
    space = pressed;
    stage.classList.toggle("movable", pressed);
  };
  addEventListener("keydown", hold(true));
  addEventListener("keyup", hold(false));
  addEventListener("blur", () => { space = false; stage.classList.remove("movable"); });
}
