// Mouse, touch and wheel gestures on the stage: drag the image or the divider, pinch,
// zoom with the wheel, double-click.

const WHEEL_SPEED = 0.0022; // exponent of the zoom per pixel of wheel movement
const LINE_HEIGHT = 16; // pixels, for wheels that report lines

/** @param {import("./stage.js").Stage} stage */
export function startGestures(stage) {
  const { node, divider } = stage;
  const pointers = new Map(); // id -> last point, CSS pixels
  let dividing = 0; // ID of the pointer that drags the divider

  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) {
      return;
    }
    node.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, point(event));
    if (divider.contains(event.target)) {
      dividing = event.pointerId;
      divider.focus({ preventScroll: true });
    }
    node.classList.add("held");
  });

  node.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) {
      return;
    }
    const now = point(event);
    if (event.pointerId === dividing) {
      const box = node.getBoundingClientRect();
      stage.divide(((event.clientX - box.left) / box.width) * 100);
    } else if (pointers.size === 1) {
      stage.pan(now.x - last.x, now.y - last.y);
    } else {
      pinch(event.pointerId, last, now);
    }
    pointers.set(event.pointerId, now);
  });

  /** Zooms by the distance of two fingers and pans by their center. */
  function pinch(id, last, now) {
    const other = [...pointers].find(([each]) => each !== id && each !== dividing)?.[1];
    if (!other) {
      return;
    }
    stage.pan((now.x - last.x) / 2, (now.y - last.y) / 2);
    const middle = { clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 };
    stage.zoomBy(Math.max(1, distance(now, other)) / Math.max(1, distance(last, other)), stage.pointOf(middle));
  }

  const release = (event) => {
    pointers.delete(event.pointerId);
    dividing = event.pointerId === dividing ? 0 : dividing;
    node.classList.toggle("held", pointers.size > 0);
  };
  node.addEventListener("pointerup", release);
  node.addEventListener("pointercancel", release);

  node.addEventListener("wheel", (event) => {
    event.preventDefault();
    const turned = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_HEIGHT : 1);
    const sensitive = event.ctrlKey ? 4 : 1; // trackpads report a pinch this way
    stage.zoomBy(Math.exp(-turned * WHEEL_SPEED * sensitive), stage.pointOf(event));
  }, { passive: false });

  node.addEventListener("dblclick", (event) => {
    if (divider.contains(event.target)) {
      stage.divide(50);
    } else if (stage.fitting) {
      stage.truePixels(stage.pointOf(event));
    } else {
      stage.fit();
    }
  });
}

const point = (event) => ({ x: event.clientX, y: event.clientY });
const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
