// Tells films from images, by what is known before the server has read them.

const NAME = /\.(mkv|webm|mp4|m4v|mov|qt|3gp|3g2|avi|mts|m2ts|ts|mpe?g|vob|flv|og[gvm]|wmv|asf|mxf|nut|y4m|ivf|rm|rmvb)$/i;

/** Formats of results that are played and not shown. */
export const FILMS = ["mkv", "mp4", "m4v", "mov", "webm"];

/** @param {{type?: string, name?: string}} file */
export const isFilm = ({ type = "", name = "" }) => type.startsWith("video/") || NAME.test(name);
