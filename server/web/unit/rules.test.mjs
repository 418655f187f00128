// Job options and the parser of server-sent events.
import assert from "node:assert/strict";
import { test } from "node:test";

import "./english.mjs";
import { DEFAULTS, available, filmOptions, jobOptions, sizeText, withFaces } from "../page/options.js";
import { isFilm } from "../page/kind.js";
import { EventParser } from "../page/sse.js";

const general = { name: "general", denoise: true };
const plus = { name: "plus", denoise: false };
const restorer = { name: "gfpgan", refined: false };
const of = (chosen, model = general, faces = restorer) => jobOptions({ ...DEFAULTS, ...chosen }, model, faces);

test("settings become options", () => {
  const cases = [
    [{}, { scale: 4, model: "general", quality: 90 }],
    [{ size: "longest", longest: "3840.4" }, { longest: 3840, model: "general", quality: 90 }],
    [{ size: "longest", longest: "" }, { model: "general", quality: 90 }],
    [{ size: "exact", width: "100", height: "50" }, { fit: "100x50", model: "general", quality: 90 }],
    [{ size: "exact", width: "100", height: "50", keep: false }, { width: 100, height: 50, model: "general", quality: 90 }],
    [{ size: "exact", height: "50" }, { height: 50, model: "general", quality: 90 }],
    [{ format: "png", lossless: true }, { scale: 4, model: "general", format: "png" }],
    [{ format: "webp", lossless: true }, { scale: 4, model: "general", format: "webp", lossless: true }],
    [{ format: "jpeg", quality: "75", strip: true }, { scale: 4, model: "general", format: "jpeg", quality: 75, strip: true }],
    [{ faces: true, strength: "60" }, { scale: 4, model: "general", quality: 90, face_enhance: true, face_strength: 0.6, faces: "list" }],
    [{ denoiseOn: true, denoise: "25" }, { scale: 4, model: "general", quality: 90, denoise: 0.25 }],
  ];
  for (const [chosen, options] of cases) {
    assert.deepEqual(of(chosen), options, JSON.stringify(chosen));
  }
});

test("unsupported settings are left out", () => {
  assert.equal(of({ denoiseOn: true }, plus).denoise, undefined);
  assert.equal(of({ faces: true }, general, { name: "" }).face_enhance, undefined);
  assert.equal(jobOptions(DEFAULTS, undefined, restorer).model, undefined);
  assert.equal(available(DEFAULTS, undefined, undefined).faces, false);
});

test("films have options of their own", () => {
  const chosen = { ...DEFAULTS, format: "jpeg", quality: "75", strip: true, faces: true, denoiseOn: true };
  const faces = { face_enhance: true, face_strength: 0.8 };
  assert.deepEqual(filmOptions(chosen, general, restorer), { scale: 4, denoise: 0.5, ...faces });
  assert.deepEqual(filmOptions({ ...chosen, filmModel: false, container: "mov" }, general, restorer), { scale: 4, model: "general", format: "mov", denoise: 0.5, ...faces });
});

test("films are known by their type or their name", () => {
  assert.deepEqual([{ name: "A.MKV" }, { name: "x", type: "video/mp4" }, { name: "a.png", type: "image/png" }, { name: "mkv" }, {}].map(isFilm), [true, true, false, false, false]);
});

test("sizes as text", () => {
  assert.deepEqual([{ scale: 2 }, { longest: 9 }, { fit: "3x4" }, { width: 5 }, {}].map(sizeText),
    ["2×", "longest side 9", "within 3 × 4", "5 × any", "model's own scale"]);
});

const STREAM = "retry: 2000\n\nid: 1\nevent: job\ndata: {\"a\":1}\n\n: keep-alive\n\ndata: one\r\ndata:two\r\rdata\n\nevent: gone\ndata: ä\n\ndata: never ended\n";
const EVENTS = [{ type: "job", data: '{"a":1}' }, { type: "message", data: "one\ntwo" }, { type: "message", data: "" }, { type: "gone", data: "ä" }];

test("events do not depend on how the stream is split", () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parser = new EventParser();
    const events = [];
    for (let at = 0; at < STREAM.length; at += size) {
      events.push(...parser.push(STREAM.slice(at, at + size)));
    }
    assert.deepEqual(events, EVENTS, `in chunks of ${size}`);
  }
});

test("chosen faces are named by their centers", () => {
  const options = { scale: 4, face_enhance: true, face_strength: 0.8, faces: "list" };
  const face = { left: -10, top: 5, width: 15, height: 20.25 };
  assert.deepEqual(withFaces(options, [face, { ...face, left: 100 }]), { ...options, face_at: "0.0,15.1 107.5,15.1" });
  assert.deepEqual(withFaces(options, []), { scale: 4 });
});
