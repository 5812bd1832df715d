// Speaks with the WebAssembly runtime of sanoTTS, whose folder `web` is argument 1. Each line of standard input is one
// order as JSON: {voice, text, scale, out}; `out` gets little-endian float32 samples, the rate is printed.
const fs = require("fs");
const path = require("path");
const readline = require("readline");

const web = path.resolve(process.argv[2]);
const LONGEST = 22050 * 30; // samples; a longer utterance is refused by the runtime

const copied = (heap, bytes) => {
  const at = heap._malloc(bytes.length);
  heap.HEAPU8.set(bytes, at);
  return at;
};

const phonemes = (rules, meta, text) => {
  const set = rules.cwrap("snt_g2p_set_voice", "number", ["string", "number"]);
  if (set(meta.espeak_voice, meta.g2p_voice_slot) !== 0) throw new Error(`no rules for ${meta.espeak_voice}`);
  const words = copied(rules, Buffer.from(`${text}\0`, "utf8"));
  const room = rules._malloc(4096);
  const count = rules._snt_g2p_text_to_ids(words, room, 1024);
  if (count <= 0) throw new Error(`no phonemes for ${text}`);
  const ids = new Int32Array(rules.HEAP32.buffer, room, count).slice();
  [words, room].forEach((at) => rules._free(at));
  return ids;
};

const spoken = (runtime, voice, ids, scale) => {
  const parts = [voice.front, voice.dec, new Uint8Array(ids.buffer)].map((bytes) => copied(runtime, bytes));
  const room = runtime._malloc(LONGEST * 4);
  const factor = voice.meta.length_scale * scale;
  const count = runtime._snt_voice_synthesize(...parts, ids.length, factor, room, LONGEST);
  if (count < 0) throw new Error(`the runtime refused: ${count}`);
  const samples = runtime.HEAPF32.slice(room >> 2, (room >> 2) + count);
  [...parts, room].forEach((at) => runtime._free(at));
  return samples;
};

const load = (name) => {
  const file = (leaf) => fs.readFileSync(path.join(web, "voices", name, leaf));
  return { meta: JSON.parse(file("meta.json")), front: file("front_f32.bin"), dec: file("dec_f32.bin") };
};

// Standard output is for the rates alone.
const quiet = () => ({ print: () => {}, printErr: () => {} });

(async () => {
  process.chdir(web); // the rules look for their data file in the current folder
  const rules = await require(path.join(web, "snt_g2p.js"))(quiet());
  const runtime = await require(path.join(web, "snt_voice.js"))(quiet());
  rules._snt_g2p_init?.();
  const voices = {};
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    const voice = (voices[order.voice] ??= load(order.voice));
    const samples = spoken(runtime, voice, phonemes(rules, voice.meta, order.text), order.scale);
    fs.writeFileSync(order.out, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
    console.log(voice.meta.sample_rate);
  }
})();
