// The player: a link when it is needed, captions by script, and one clock for turns and video.

import { config, get, segment } from "/console/api.js";
import { fill, h, safeUrl, said } from "/console/dom.js";
import { copyButton, notice } from "/console/parts.js";
import { clockText, spanText, timeText, zoneName } from "/console/time.js";

const RENEW = 5 * 60_000;
const RETRY = 10_000;
const NUDGE = 0.1;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const KEY = "tavus-callbacks.offset.";
const REASONS = {
  pending: "The recording is announced. Its file has not arrived yet.",
  missing: "The recording was announced, but its file is not in the bucket.",
  other_bucket: "The recording is in a bucket that is not the bucket of this stack.",
  other_provider: "The recording is with another storage provider.",
  other_conversation: "The callback names a file of another conversation.",
};

/**
 * Plays the recordings of a conversation. The time of the video is the start of a turn + `offset`.
 * Dispatches `position` when the position may have changed, and `offset` when the offset or the recording did.
 */
export class Player extends EventTarget {
  constructor({ conversation, signal, offset = null }) {
    super();
    this.path = `/conversations/${segment(conversation.conversation_id)}`;
    this.recordings = conversation.recordings;
    this.recording = this.recordings.findLast((each) => each.status === "available") ?? this.recordings.at(-1) ?? null;
    this.signal = signal;
    this.offsetOfAddress = offset;
    this.stage = h("div", { class: "stage" });
    this.tools = h("div", { class: "tools" });
    this.element = h("section", { class: "player card", "aria-label": "Recording" }, this.stage, this.tools);
    signal.addEventListener("abort", () => this.drop());
    this.choose(this.recording);
  }

  /** Shows a recording of the conversation, without a link until play is pressed. */
  choose(recording) {
    this.drop();
    this.recording = recording;
    this.renderStage();
    this.changed();
  }

  drop() {
    this.video?.pause();
    this.video?.removeAttribute("src");
    this.video = this.link = this.startAt = null;
    this.renewedAt = 0;
  }

  /** Seconds to add to the start of a turn, or null if they are unknown. */
  get offset() {
    if (!this.recording) return null;
    return this.offsetOfAddress ?? readOffset(this.recording) ?? this.recording.offset ?? null;
  }

  /** Where the offset comes from. */
  get source() {
    if (this.offsetOfAddress !== null) return "from the link";
    if (readOffset(this.recording) !== null) return "set by hand";
    return this.recording.offset === null ? "unknown" : "from the start time of the recording";
  }

  /** The position in the talk in seconds, or null if nothing plays or the offset is unknown. */
  get position() {
    return this.video && this.offset !== null ? this.video.currentTime - this.offset : null;
  }

  /** Tells whether a turn that starts at these seconds is in the recording. */
  covers(start) {
    if (start === null || this.offset === null) return false;
    const at = start + this.offset;
    return at >= 0 && (!this.recording.duration || at <= this.recording.duration);
  }

  /** Plays from the start of a turn. */
  playFrom(start) {
    return this.covers(start) ? this.play(start + this.offset) : undefined;
  }

  /** Keeps a position in the talk for when play is pressed. */
  prepare(start) {
    if (this.covers(start)) this.startAt = start + this.offset;
  }

  /** Plays, from a time of the video if one is given. */
  async play(at = this.startAt) {
    if (this.recording?.status !== "available") return;
    this.startAt = null;
    try {
      await this.ensureLink();
      if (at !== null) await seek(this.video, at);
      await this.video.play();
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    }
  }

  toggle() {
    if (this.video && !this.video.paused) this.video.pause();
    else this.play();
  }

  /** Gets a link if there is none, or if less than five minutes of it are left; keeps the position. */
  async ensureLink({ force = false } = {}) {
    const left = this.link ? new Date(this.link.expires_at).getTime() - Date.now() : 0;
    if (!force && left > RENEW) return;
    this.renewedAt = Date.now();
    const path = `${this.path}/recordings/${segment(this.recording.recording_id)}`;
    const link = await get(path, { format: "json" }, { signal: this.signal });
    if (safeUrl(link.url, [config.cdn_url]) === null) throw new Error("The address of the recording is not https.");
    if (!this.video) this.showVideo();
    const at = this.video.currentTime;
    this.link = link;
    this.video.setAttribute("src", link.url);
    this.renderTools();
    if (at > 0) await seek(this.video, at);
  }

  showVideo() {
    const video = h("video", { controls: true, preload: "auto", playsinline: true });
    const moved = () => this.dispatchEvent(new Event("position"));
    const tick = () => {
      moved();
      if (!video.paused && video === this.video) requestAnimationFrame(tick);
    };
    video.addEventListener("playing", tick);
    video.addEventListener("seeked", moved);
    video.addEventListener("error", () => this.renew());
    this.track = video.addTextTrack("captions", "Transcript");
    this.track.mode = "showing";
    this.video = video;
    fill(this.stage, video);
    this.loadCaptions();
  }

  /** After an error of the video, which an expired link causes too: a fresh link at the same position. */
  async renew() {
    if (!this.video?.getAttribute("src")) return;
    const error = new Error("The recording cannot be loaded. Its file may be gone, or the browser may not play its format.");
    if (Date.now() - this.renewedAt < RETRY) return this.fail(error);
    const at = this.video.currentTime;
    try {
      await this.ensureLink({ force: true });
      await seek(this.video, at);
      await this.video.play();
    } catch (failure) {
      this.fail(failure);
    }
  }

  fail(error) {
    const at = this.video?.currentTime ?? this.startAt;
    this.drop();
    fill(this.stage, notice(error, { again: () => this.play(at) }));
  }

  // Captions: the API cuts long turns into subtitles; here they only move by the offset.

  async loadCaptions() {
    try {
      this.subtitles = parseSubtitles(await get(`${this.path}/transcript`, { format: "vtt", offset: 0 }, { signal: this.signal }));
    } catch {
      this.subtitles = [];
    }
    this.showCaptions();
  }

  showCaptions() {
    if (!this.track) return;
    for (const cue of [...this.track.cues]) this.track.removeCue(cue);
    if (this.offset === null) return;
    for (const { start, end, text } of this.subtitles ?? []) {
      if (end + this.offset > 0) this.track.addCue(new VTTCue(Math.max(0, start + this.offset), end + this.offset, text));
    }
  }

  // The offset: from the API, by hand, or from a copied link.

  nudge(steps) {
    if (this.recording) this.setOffset((this.offset ?? 0) + steps * NUDGE);
  }

  /** Takes the word of somebody who hears a turn begin now. */
  isSaidNow(start) {
    if (this.video) this.setOffset(this.video.currentTime - start);
  }

  /** Keeps an offset for this recording; null forgets it. */
  setOffset(seconds) {
    this.offsetOfAddress = null;
    const name = KEY + this.recording.recording_id;
    if (seconds === null) localStorage.removeItem(name);
    else localStorage.setItem(name, String(Math.round(seconds * 1000) / 1000));
    this.changed();
  }

  changed() {
    this.renderTools();
    this.showCaptions();
    this.dispatchEvent(new Event("offset"));
    this.dispatchEvent(new Event("position"));
  }

  // What a person sees.

  renderStage() {
    const { recording } = this;
    if (!recording) return fill(this.stage, h("p", { class: "dim" }, "This conversation has no recording."));
    if (recording.status === "available") {
      const words = `Play the recording${recording.duration ? ` (${spanText(recording.duration)})` : ""}`;
      return fill(this.stage, h("button", { type: "button", class: "primary play", onclick: () => this.play() }, words));
    }
    return fill(this.stage,
      h("p", { class: "bad-text" }, said(recording.message ?? REASONS[recording.status] ?? recording.status)),
      recording.explanation && h("p", {}, said(recording.explanation)));
  }

  renderTools() {
    if (!this.recording) return fill(this.tools);
    return fill(this.tools,
      this.recordings.length > 1 && this.picker(),
      this.recording.status === "available" && [this.speeds(), this.linkTools()],
      this.offsetTools());
  }

  picker() {
    const choose = (event) => this.choose(this.recordings.find((each) => each.recording_id === event.target.value));
    return h("label", {}, "Recording ", h("select", { onchange: choose }, this.recordings.map((each, index) =>
      h("option", { value: each.recording_id, selected: each === this.recording }, `${index + 1}: ${each.status}`))));
  }

  speeds() {
    const rate = this.video?.playbackRate ?? 1;
    const change = (event) => { if (this.video) this.video.playbackRate = this.video.defaultPlaybackRate = Number(event.target.value); };
    return h("label", {}, "Speed ", h("select", { onchange: change }, SPEEDS.map((speed) =>
      h("option", { value: speed, selected: speed === rate }, `${speed}×`))));
  }

  linkTools() {
    const path = `${config.api}${this.path}/recordings/${segment(this.recording.recording_id)}`;
    const fresh = async () => {
      await this.ensureLink();
      return this.link.url;
    };
    return [
      h("a", { class: "button", href: `${path}?download=true` }, "Download"),
      copyButton("Copy link", fresh),
      this.link && h("span", { class: "dim" }, `valid until ${timeText(this.link.expires_at, { seconds: false })} (${zoneName()})`),
    ];
  }

  offsetTools() {
    const { offset } = this;
    return h("div", { class: "offset" },
      h("span", {}, `Offset ${offset === null ? "unknown" : `${offset.toFixed(1)} s`}`),
      h("span", { class: "dim" }, offset === null ? "The start of the recording is unknown. Play it, then press “Said now” on the turn that you hear." : this.source),
      h("button", { type: "button", title: "Turns earlier by 0.1 s ([)", onclick: () => this.nudge(-1) }, "−0.1"),
      h("button", { type: "button", title: "Turns later by 0.1 s (])", onclick: () => this.nudge(1) }, "+0.1"),
      this.source === "set by hand" && h("button", { type: "button", class: "quiet", onclick: () => this.setOffset(null) }, "Reset"));
  }
}

function readOffset(recording) {
  const text = localStorage.getItem(KEY + recording.recording_id);
  return text === null || Number.isNaN(Number(text)) ? null : Number(text);
}

function seek(video, at) {
  return new Promise((resolve, reject) => {
    const go = () => {
      video.addEventListener("seeked", resolve, { once: true });
      video.currentTime = Math.max(0, at);
    };
    video.addEventListener("error", () => reject(new DOMException("", "AbortError")), { once: true });
    if (video.readyState >= HTMLMediaElement.HAVE_METADATA) go();
    else video.addEventListener("loadedmetadata", go, { once: true });
  });
}

/** Returns the cues of WebVTT: start and end in seconds, and the text as it is. */
function parseSubtitles(text) {
  const blocks = text.split(/\n{2,}/).map((block) => block.split("\n"));
  return blocks.flatMap((lines) => {
    const at = lines.findIndex((line) => line.includes(" --> "));
    if (at < 0) return [];
    const [start, end] = lines[at].split(" --> ").map(seconds);
    return [{ start, end, text: lines.slice(at + 1).join("\n") }];
  });
}

function seconds(time) {
  return time.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
