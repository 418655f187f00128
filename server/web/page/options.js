// Converts the settings form's values to the API's job options, in pure functions.

import { t } from "./messages.js";

/** Initial values of the settings form. */
export const DEFAULTS = {
  size: "4", longest: "3840", width: "", height: "", keep: true, model: "", format: "", quality: 90,
  container: "", filmModel: true, faces: false, strength: 80, denoiseOn: false, denoise: 50, strip: false, lossless: false,
};

const BOTH = ["webp", "avif", "jxl"]; // lossy, or lossless on request
const LOSSY = ["", "jpeg", ...BOTH]; // "" (the original format) may be one of these

/** Returns which settings apply, given the others. */
export function available(values, model, faceRestorer) {
  const faces = Boolean(faceRestorer?.name);
  const lossless = BOTH.includes(values.format);
  return {
    quality: LOSSY.includes(values.format) && !(lossless && values.lossless),
    lossless,
    denoise: Boolean(model?.denoise),
    faces,
    strength: faces && values.faces,
  };
}

/**
 * @param {typeof DEFAULTS} values
 * @param {{name: string, denoise: boolean}|undefined} model
 * @param {{name: string}|undefined} faceRestorer
 */
export function jobOptions(values, model, faceRestorer) {
  const can = available(values, model, faceRestorer);
  const options = { ...sizeOptions(values) };
  if (model) {
    options.model = model.name;
  }
  if (values.format) {
    options.format = values.format;
  }
  if (can.quality) {
    options.quality = Number(values.quality);
  }
  if (can.lossless && values.lossless) {
    options.lossless = true;
  }
  if (can.denoise && values.denoiseOn) {
    options.denoise = Number(values.denoise) / 100;
  }
  if (can.strength) {
    options.face_enhance = true;
    options.face_strength = Number(values.strength) / 100;
    options.faces = "list";
  }
  if (values.strip) {
    options.strip = true;
  }
  return options;
}

/** The same for films: how they are written has other settings, and they may choose the model. */
export function filmOptions(values, model, faceRestorer) {
  const { quality: _, lossless: _lossless, strip: _strip, faces: _faces, format: _format, ...options } = jobOptions(values, model, faceRestorer);
  if (values.filmModel) {
    delete options.model;
  }
  if (values.container) {
    options.format = values.container;
  }
  return options;
}

/**
 * Returns the options that restore the chosen faces only.
 * @param {Array<{left: number, top: number, width: number, height: number}>} chosen
 */
export function withFaces(options, chosen) {
  if (chosen.length === 0) {
    return Object.fromEntries(Object.entries(options).filter(([name]) => !name.startsWith("face")));
  }
  const center = ({ left, top, width, height }) => `${Math.max(0, left + width / 2).toFixed(1)},${Math.max(0, top + height / 2).toFixed(1)}`;
  return { ...options, face_at: chosen.map(center).join(" ") };
}

/** Returns what is wrong with the sizes: { field, detail }, or null. */
export function sizeProblem({ size, longest, width, height }) {
  const wrong = (text) => text !== "" && !positiveInteger(text);
  if (size === "longest" && !positiveInteger(longest)) {
    return { field: "longest", detail: t("size.badLongest") };
  }
  if (size !== "exact") {
    return null;
  }
  if (wrong(width) || wrong(height)) {
    return { field: wrong(width) ? "width" : "height", detail: t("size.badSides") };
  }
  return width === "" && height === "" ? { field: "width", detail: t("size.noSides") } : null;
}

function sizeOptions({ size, longest, width, height, keep }) {
  const [w, h] = [positiveInteger(width), positiveInteger(height)];
  if (size === "longest") {
    return positiveInteger(longest) ? { longest: positiveInteger(longest) } : {};
  }
  if (size !== "exact") {
    return { scale: Number(size) };
  }
  if (w && h) {
    return keep ? { fit: `${w}x${h}` } : { width: w, height: h };
  }
  return { ...(w && { width: w }), ...(h && { height: h }) };
}

function positiveInteger(text) {
  const number = Math.round(Number(text));
  return number >= 1 ? number : 0;
}

/** The size as short text, for the collapsed settings. */
export function sizeText(options) {
  if (options.scale) {
    return `${options.scale}×`;
  }
  if (options.longest) {
    return t("size.asLongest", { pixels: String(options.longest) });
  }
  if (options.fit) {
    return t("size.within", { size: options.fit.replace("x", " × ") });
  }
  if (options.width || options.height) {
    return `${options.width ?? t("size.any")} × ${options.height ?? t("size.any")}`;
  }
  return t("size.ofModel");
}
