// From what was chosen to the options of a job, as the API names them. Pure, so
// that every rule of the API can be tested.

/** What is chosen until somebody chooses otherwise. */
export const DEFAULTS = {
  size: "4", longest: "3840", width: "", height: "", keep: true, model: "", format: "", quality: 90,
  faces: false, strength: 80, denoiseOn: false, denoise: 50, strip: false, lossless: false,
};

const LOSSY = ["", "jpeg", "webp"]; // "" may be one of the others

/** Which choices have a meaning beside the others. */
export function available(chosen, model, faceRestorer) {
  const faces = Boolean(faceRestorer?.name);
  const lossless = chosen.format === "webp";
  return {
    quality: LOSSY.includes(chosen.format) && !(lossless && chosen.lossless),
    lossless,
    denoise: Boolean(model?.denoise),
    faces,
    strength: faces && chosen.faces,
  };
}

/**
 * @param {typeof DEFAULTS} chosen
 * @param {{name: string, denoise: boolean}|undefined} model
 * @param {{name: string}|undefined} faceRestorer
 */
export function optionsOf(chosen, model, faceRestorer) {
  const can = available(chosen, model, faceRestorer);
  const options = { ...sizeOf(chosen) };
  if (model) {
    options.model = model.name;
  }
  if (chosen.format) {
    options.format = chosen.format;
  }
  if (can.quality) {
    options.quality = Number(chosen.quality);
  }
  if (can.lossless && chosen.lossless) {
    options.lossless = true;
  }
  if (can.denoise && chosen.denoiseOn) {
    options.denoise = Number(chosen.denoise) / 100;
  }
  if (can.strength) {
    options.face_enhance = true;
    options.face_strength = Number(chosen.strength) / 100;
  }
  if (chosen.strip) {
    options.strip = true;
  }
  return options;
}

function sizeOf({ size, longest, width, height, keep }) {
  const [w, h] = [whole(width), whole(height)];
  if (size === "longest") {
    return whole(longest) ? { longest: whole(longest) } : {};
  }
  if (size !== "exact") {
    return { scale: Number(size) };
  }
  if (w && h) {
    return keep ? { fit: `${w}x${h}` } : { width: w, height: h };
  }
  return { ...(w && { width: w }), ...(h && { height: h }) };
}

function whole(text) {
  const number = Math.round(Number(text));
  return number >= 1 ? number : 0;
}

/** The size in a few words, for where the choices are folded away. */
export function sizeWords(options) {
  if (options.scale) {
    return `${options.scale}×`;
  }
  if (options.longest) {
    return `longest side ${options.longest}`;
  }
  if (options.fit) {
    return `within ${options.fit.replace("x", " × ")}`;
  }
  if (options.width || options.height) {
    return `${options.width ?? "any"} × ${options.height ?? "any"}`;
  }
  return "model's own size";
}
