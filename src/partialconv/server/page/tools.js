// Brush, eraser, lasso and rectangle: what a gesture does to the hole.

export class Tools {
  constructor(stage, view, changed) {
    this.stage = stage;
    this.view = view;
    this.changed = changed; // called when a gesture has changed the hole
    this.name = "brush";
    this.radius = 20; // pixels of the photo
    this.hardness = 1;
    this.hole = null;
    this.blocked = () => false;
    this.picking = null; // called with a point of the photo where a tap means what is there, and paints nothing
    this.cursor = stage.querySelector("#cursor");
    this.shape = stage.querySelector("#shape path");
    this.points = [];
    this.keyed = null; // where the keyboard's brush is, in the photo
  }

  tool() {
    return this.picking ? "move" : this.name;
  }

  get round() {
    return this.name === "brush" || this.name === "eraser";
  }

  tap(point, event) {
    this.picking?.(point, event);
  }

  begin(point, event) {
    if (!this.hole || this.blocked()) return;
    this.active = true;
    if (this.view.layer) {
      this.view.layer = null;
      this.view.draw();
    }
    this.erase = (this.name === "eraser") !== event.altKey;
    this.points = [point];
    if (this.round) this.draw(this.hole.stroke(point, point, this.reach(event), this.hardness, this.erase));
  }

  paint(point, event) {
    if (!this.active) return;
    const last = this.points.at(-1);
    if (this.round) {
      this.points = [point];
      this.draw(this.hole.stroke(last, point, this.reach(event), this.hardness, this.erase));
    } else if (this.name === "lasso") {
      if (Math.hypot(point.x - last.x, point.y - last.y) * this.view.scale > 1) this.points.push(point);
      this.outline(this.points);
    } else {
      this.points[1] = point;
      this.outline(corners(...this.points));
    }
  }

  end() {
    if (!this.active) return;
    this.active = false;
    if (this.name === "lasso") this.hole.polygon(this.points, this.erase);
    else if (this.name === "rectangle" && this.points[1]) this.hole.rectangle(...this.points, this.erase);
    this.outline([]);
    this.changed();
  }

  cancel() {
    if (!this.active) return;
    this.active = false;
    this.outline([]);
    const patch = this.hole.commit();
    if (patch) this.hole.swap(patch);
    this.view.draw();
  }

  // A pen that is pressed lightly paints thinner.
  reach(event) {
    const pressure = event.pointerType === "pen" && event.pressure ? 0.3 + 0.7 * event.pressure : 1;
    return Math.max(0.5, this.radius * pressure);
  }

  draw(box) {
    if (box) this.view.drawHole(box);
  }

  outline(points) {
    const {x, y, scale} = this.view;
    const places = points.map((p) => `${(x + p.x * scale).toFixed(1)} ${(y + p.y * scale).toFixed(1)}`);
    this.shape.setAttribute("d", places.length ? `M${places.join("L")}Z` : "");
  }

  // The circle that shows the brush; at a point of the stage, or null.
  hover(point, event) {
    this.at = point ?? this.at;
    const shown = point && this.round && this.hole && !this.blocked() && event?.pointerType !== "touch";
    this.stage.toggleAttribute("data-round", Boolean(shown));
    this.cursor.style.display = shown ? "block" : "none";
    if (!shown) return;
    const size = Math.max(4, 2 * this.radius * this.view.scale);
    this.cursor.style.width = this.cursor.style.height = `${size}px`;
    this.cursor.style.transform = `translate(${point.x - size / 2}px, ${point.y - size / 2}px)`;
  }

  // Arrow keys move the brush by half its radius, and paint if asked to.
  step(dx, dy, painting) {
    if (!this.hole || this.blocked()) return;
    const from = this.keyed ?? {x: this.hole.width / 2, y: this.hole.height / 2};
    const by = Math.max(1, this.radius / 2);
    this.keyed = {
      x: Math.max(0, Math.min(this.hole.width, from.x + dx * by)),
      y: Math.max(0, Math.min(this.hole.height, from.y + dy * by)),
    };
    if (painting) {
      this.draw(this.hole.stroke(from, this.keyed, this.radius, this.hardness, this.name === "eraser"));
      this.changed();
    }
    const {x, y, scale} = this.view;
    this.hover({x: x + this.keyed.x * scale, y: y + this.keyed.y * scale});
  }
}

function corners(a, b) {
  return b ? [a, {x: b.x, y: a.y}, b, {x: a.x, y: b.y}] : [a];
}
