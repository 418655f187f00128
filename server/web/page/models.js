// Names of models for people, with the use of each; and the models that are a choice.

import { has, t } from "./messages.js";

/** A model's name for people, its own if there is no other. */
export const modelTitle = (name) => (has(`model.title.${name}`) ? t(`model.title.${name}`) : name);

/** Use of a model in a few words. */
export const modelUse = (model) => (has(`model.use.${model.name}`) ? t(`model.use.${model.name}`) : model.summary);

/** The image of the guide that shows what a model makes, or "". */
export const sampleFile = (name) => (has(`model.title.${name}`) ? `docs/sample-${name}.jpg` : "");

/** Whether a model is a choice of its own, unless it alone is installed. */
export const isChoice = (model) => !model.faces && !model.variant_of;
