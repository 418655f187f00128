// Names of models for people, with the use of each; and the models that are no choice.

const KNOWN = {
  "realesr-general-x4v3": { title: "Photo – fast", use: "for photos and everything else" },
  "realesrgan-x4plus": { title: "Photo – detail", use: "most detail; takes about 14 times as long" },
  "realesrgan-x4plus-anime-6b": { title: "Drawing", use: "for drawings and anime" },
  "realesr-animevideov3": { title: "Film", use: "for frames of animated films; very fast" },
};

/** Parts of other models, which the server takes by itself where they are needed. */
const TWINS = ["realesr-general-wdn-x4v3", "realesrgan-x2plus"];

/** A model's name for people, its own if there is no other. */
export const modelTitle = (name) => KNOWN[name]?.title ?? name;

/** Use of a model in a few words. */
export const modelUse = (model) => KNOWN[model.name]?.use ?? model.summary;

/** Whether a model is a choice of its own, unless it alone is installed. */
export const isChoice = (model) => !model.faces && !TWINS.includes(model.name);
