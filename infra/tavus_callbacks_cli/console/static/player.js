// The player: a link when it is needed, captions, and one clock for turns and video.

import { config, get, segment } from "/console/api.js";
import { clockText, fill, formatRoute, h, keep, recall, replaceQuery, s, safeUrl, said, spanText, timeText, zoneName } from "/console/base.js";
import { copyButton, notice } from "/console/parts.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const PROVIDERS = { __proto__: null, gcs: "Google Cloud Storage", azure_blob: "Azure Blob Storage", s3: "S3" };
const RENEW = 300_000;
const RETRY = 10_000;
const MOST_SECONDS = 86_400;
const OFFSET = "tavus-callbacks.offset.";
const UNKNOWN = "Play the recording, and press “Said now” at the turn that you hear.";

/** Plays the recordings of a conversation; dispatches `position`, `offset` and `conversation` when these change. */
export class Player extends EventTarget {
  constructor({ conversation, query, signal }) {
    super();
    const path = `/conversations/${segment(conversation.conversation_id)}`;
    Object.assign(this, { conversation, path, signal, rate: 1, talkAt: null, subtitles: null });
    this.stage = h("div", { class: "stage" });
    this.status = h("p", { class: "said", role: "status" });
    this.tools = new PlayerTools(this);
    this.element = h("section", { class: "player card", "aria-label": "Recording" }, this.stage, this.tools.element, this.status);
    signal.addEventListener("abort", () => this.drop());
    this.restore(query);
  }

  restore({ recording, offset, t }) {
    const { recordings } = this.conversation;
    const wanted = recordings.find((each) => each.recording_id === recording);
    const next = wanted ?? this.recording ?? latest(recordings);
    if (!this.video || next !== this.recording) this.choose(next);
    this.linkOffset = wanted || !recording ? number(offset) : null;
    this.move();
    if (recording && !wanted) this.say("The link names a recording that this conversation does not have.");
    const at = number(t);
    if (at >= 0 && at !== null) this.startFrom(at, !wanted);
  }

  startFrom(seconds, isTalk) {
    const at = isTalk ? Math.max(0, seconds + this.offset) : seconds;
    if (isTalk && this.offset === null) this.talkAt = seconds;
    else if (this.video) this.video.currentTime = at;
    else this.startAt = at;
    if (!this.video) this.renderStage();
    this.dispatch("position");
  }

  choose(recording) {
    this.drop();
    Object.assign(this, { recording, linkOffset: null, startAt: null });
    this.say("");
    this.renderStage();
    this.move();
  }

  update(conversation) {
    const { recordings, transcript } = conversation;
    const isOther = transcript?.received_at !== this.conversation.transcript?.received_at;
    this.conversation = conversation;
    const same = recordings.find((each) => each.recording_id === this.recording?.recording_id);
    if (!same) return this.choose(latest(recordings));
    const isSame = JSON.stringify(same) === JSON.stringify(this.recording);
    this.recording = same;
    if (!this.video && !isSame) this.renderStage();
    if (isOther) this.subtitles = null;
    if (isOther) this.loadCaptions();
    return this.move();
  }

  async checkAgain() {
    this.say("Asking…");
    try {
      this.update(await get(this.path, {}, this));
      this.dispatch("conversation");
      this.say(this.isPlayable ? "" : "Nothing has changed.");
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message);
    }
  }

  drop() {
    this.choice?.abort();
    this.choice = new AbortController();
    clearTimeout(this.reminder);
    cancelAnimationFrame(this.frame);
    this.video?.pause();
    this.video?.removeAttribute("src");
    this.video?.load();
    this.video = this.track = this.link = this.loading = this.reminder = null;
    this.isProven = this.isWanted = false;
    this.recoveredAt = 0;
  }

  get isPlayable() {
    return this.recording?.status === "available";
  }

  get hasTimes() {
    return Boolean(this.conversation.transcript?.has_times);
  }

  get at() {
    return this.video?.currentTime ?? this.startAt;
  }

  get position() {
    return this.at === null || this.offset === null ? this.talkAt : this.at - this.offset;
  }

  get duration() {
    return Number.isFinite(this.video?.duration) ? this.video.duration : this.recording?.duration ?? Infinity;
  }

  covers({ start, duration }) {
    if (start === null || this.offset === null) return false;
    const at = start + this.offset;
    return at + (duration ?? 0) >= 0 && at < this.duration;
  }

  playFrom(turn) {
    if (!this.isPlayable) return this.say("There is no recording to play.");
    if (this.offset === null) return this.say(`The place of this turn in the recording is unknown. ${UNKNOWN}`);
    if (!this.covers(turn)) return this.say("This moment is not in the recording.");
    this.say("");
    return this.play(Math.max(0, turn.start + this.offset));
  }

  nudge(seconds) {
    if (this.isPlayable && this.offset !== null) this.setOffset(this.offset + seconds);
  }

  isSaidNow(turn) {
    if (!this.video) return this.say("Play the recording first.");
    this.setOffset(this.at - turn.start);
    return this.say(`This turn begins at ${clockText(this.at)} of the recording.`);
  }

  setOffset(seconds) {
    const isKept = keep(OFFSET + this.recording.recording_id, seconds === null ? null : String(round(seconds)));
    this.say(isKept ? "" : "This browser stores nothing. A copied link keeps the offset.");
    this.linkOffset = null;
    this.move();
    this.remember();
  }

  move() {
    const stored = this.recording && number(recall(OFFSET + this.recording.recording_id));
    const places = [
      [stored === this.linkOffset ? null : this.linkOffset, "from the link"],
      [stored, "set by hand"],
      [this.recording?.offset, "from the start time of the recording"],
    ];
    [this.offset, this.source] = places.find(([offset]) => Number.isFinite(offset)) ?? [null, `The API does not know when the recording starts. ${UNKNOWN}`];
    this.tools.update();
    this.showCaptions();
    this.dispatch("offset");
    this.dispatch("position");
  }

  remember() {
    this.reminder ??= setTimeout(() => {
      this.reminder = null;
      replaceQuery(this.state);
    }, 1000);
  }

  get state() {
    const { recording, at, offset } = this;
    return {
      recording: recording?.recording_id,
      t: at === null ? null : Math.round(at * 10) / 10,
      offset: offset === null || offset === recording.offset ? null : round(offset),
    };
  }

  play(at = this.startAt) {
    if (!this.isPlayable) return undefined;
    this.startAt = at;
    this.dispatch("position");
    return this.attempt(async () => {
      await this.load();
      if (this.startAt !== null) this.video.currentTime = this.startAt;
      this.startAt = null;
      await this.video.play();
    });
  }

  async attempt(run) {
    try {
      await run();
    } catch (error) {
      this.fail(error);
    }
  }

  toggle() {
    if (this.video?.paused === false) this.video.pause();
    else this.play();
  }

  load(isForced = false) {
    if (!isForced && Date.now() < this.link?.renewAt) return undefined;
    this.loading ??= this.replaceLink().finally(() => { this.loading = null; });
    return this.loading;
  }

  async replaceLink() {
    const words = this.stage.querySelector(".play span");
    if (words) fill(words, "Getting the link…");
    else if (!this.video) fill(this.stage, h("p", { role: "status" }, "Getting the link…"));
    const { url, expires_at: expiry } = await this.fetchLink();
    if (!config.cdn_url || new URL(url).origin !== new URL(config.cdn_url).origin) throw cannotPlay("This console may not play from the address of this recording. Download it instead.");
    const renewAt = Date.parse(expiry) - RENEW;
    // A clock that is wrong by hours must not ask for links all the time.
    this.link = { renewAt: renewAt > Date.now() ? renewAt : Infinity };
    if (!this.video) this.showVideo();
    const { at, video } = this;
    this.isProven = false;
    video.setAttribute("src", url);
    if (at > 0) video.currentTime = at;
    if (this.isWanted) await video.play();
  }

  async fetchLink(query = {}) {
    const signal = AbortSignal.any([this.signal, this.choice.signal]);
    const link = await get(`${this.path}/recordings/${segment(this.recording.recording_id)}`, { format: "json", ...query }, { signal });
    if (safeUrl(link.url, [config.cdn_url]) === null) throw new Error("The address of the recording is not https.");
    return link;
  }

  showVideo() {
    const video = h("video", { controls: true, preload: "auto", playsinline: true });
    const renew = () => this.attempt(() => this.load());
    const want = () => {
      // An error pauses too.
      if (video.error) return;
      this.isWanted = !video.paused;
      this.moved();
      renew();
    };
    const listeners = {
      play: want, pause: want, seeking: renew, timeupdate: renew,
      loadeddata: () => { this.isProven = true; }, playing: () => this.tick(), seeked: () => this.moved(),
      durationchange: () => this.dispatch("offset"), ratechange: () => this.setRate(video.playbackRate),
      error: () => this.recover(),
      // Browsers repeat a refusal of the CDN for minutes without an error.
      stalled: () => {
        if (!this.isWanted || video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return;
        if (Date.now() - this.recoveredAt < RETRY) this.say("The recording does not load. The network is slow, or the link is refused.");
        else this.recover();
      },
    };
    for (const [name, listener] of Object.entries(listeners)) {
      video.addEventListener(name, () => { if (video === this.video && video.getAttribute("src")) listener(); });
    }
    this.video = video;
    this.setRate(this.rate);
    this.track = video.addTextTrack("captions", "Transcript");
    this.track.mode = "showing";
    const hadFocus = this.stage.contains(document.activeElement);
    fill(this.stage, video);
    if (hadFocus) video.focus();
    this.loadCaptions();
  }

  // `timeupdate` comes four times a second only.
  tick() {
    this.moved();
    cancelAnimationFrame(this.frame);
    if (!this.video.paused) this.frame = requestAnimationFrame(() => this.tick());
  }

  moved() {
    this.dispatch("position");
    this.remember();
  }

  setRate(rate) {
    this.rate = rate;
    // A new link begins with the default.
    if (this.video?.playbackRate !== rate || this.video.defaultPlaybackRate !== rate) Object.assign(this.video ?? {}, { playbackRate: rate, defaultPlaybackRate: rate });
    this.tools.update();
  }

  recover() {
    const { error } = this.video;
    const isBroken = error?.code === MediaError.MEDIA_ERR_DECODE;
    if (isBroken || (error && !this.isProven) || Date.now() - this.recoveredAt < RETRY) return this.fail(playbackError(isBroken));
    this.recoveredAt = Date.now();
    return this.attempt(() => this.load(true));
  }

  fail(error) {
    // An aborted request or `play()`.
    if (error instanceof DOMException) return;
    this.startAt = this.at;
    this.drop();
    fill(this.stage, notice(error, { again: () => this.play() }));
    this.dispatch("position");
  }

  // The policy of the page refuses a `<track>`.

  async loadCaptions() {
    if (!this.hasTimes || !this.video) return;
    let failure = null;
    try {
      this.subtitles ??= parseSubtitles(await get(`${this.path}/transcript`, { format: "vtt", offset: 0 }, this));
    } catch (error) {
      if (error.name === "AbortError") return;
      failure = notice({ ...error, title: "No captions", message: error.message }, { again: () => this.loadCaptions() });
    }
    fill(this.tools.captions, failure);
    this.showCaptions();
  }

  showCaptions() {
    const { track, offset, subtitles } = this;
    if (!track) return;
    const { mode } = track;
    // A track that somebody switched off does not show its cues to a script either.
    if (mode === "disabled") track.mode = "hidden";
    for (const cue of [...track.cues]) track.removeCue(cue);
    for (const { start, end, text } of (offset !== null && subtitles) || []) {
      if (end + offset > 0) track.addCue(new VTTCue(Math.max(0, start + offset), end + offset, text));
    }
    track.mode = mode;
  }

  say(text) {
    fill(this.status, text);
  }

  dispatch(name) {
    this.dispatchEvent(new Event(name));
  }

  renderStage() {
    const hadFocus = this.stage.contains(document.activeElement);
    fill(this.stage, this.isPlayable ? playButton(this) : unplayable(this));
    if (hadFocus) this.stage.querySelector("button")?.focus();
  }

  get keys() {
    return {
      " ": { words: "play or pause", run: () => this.toggle() },
      "[": { words: "turns and captions 0.1 s earlier", run: () => this.nudge(-0.1) },
      "]": { words: "turns and captions 0.1 s later", run: () => this.nudge(0.1) },
    };
  }
}

function latest(recordings) {
  return recordings.findLast((each) => each.status === "available") ?? recordings.at(-1) ?? null;
}

function number(text) {
  const value = text?.trim() ? Number(text) : NaN;
  return Math.abs(value) <= MOST_SECONDS ? value : null;
}

function round(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

function cannotPlay(message) {
  return Object.assign(new Error(message), { title: "Cannot be played" });
}

function playbackError(isBroken) {
  if (!navigator.onLine) return cannotPlay("The network is down. Try again when it is back.");
  return cannotPlay(isBroken ? "The browser cannot decode this recording. Download it and play it elsewhere."
    : "The recording does not load. Its link may be refused, its file may be gone, or the browser may not play its format.");
}

function parseSubtitles(text) {
  return [...text.matchAll(/^(\S+) --> (\S+).*\n([^]*?)(?:\n\n|\n*$(?![^]))/gm)].map(([, start, end, words]) => ({ start: parseTime(start), end: parseTime(end), text: words }));
}

function parseTime(time) {
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function playButton(player) {
  const { recording, startAt } = player;
  return [
    h("button", { type: "button", class: "play", onclick: () => player.play() },
      s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: "M8 5v14l11-7z" })),
      h("span", {}, startAt ? `Play from ${clockText(startAt)}` : "Play the recording")),
    h("p", {}, recording.duration ? spanText(recording.duration) : "length unknown"),
  ];
}

function unplayable(player) {
  const { recording, conversation } = player;
  const [reason, ...more] = recording
    ? (REASONS[recording.status] ?? REASONS.unknown)(recording, conversation)
    : noRecording(conversation.missing.find(({ what }) => what === "recording"));
  return [
    h("p", { class: "why" }, reason), more.map((each) => h("p", {}, each)),
    h("button", { type: "button", onclick: () => player.checkAgain() }, "Check again"),
  ];
}

const REASONS = {
  pending: () => ["The recording is announced. Its file has not arrived yet.", "Check again in a minute."],
  missing: ({ key }) => [
    "The recording was announced, but its file is not in the bucket.",
    ["Look for ", h("code", {}, said(key ?? "the file")), " in the bucket, and check the role that Tavus assumes: ",
      h("code", {}, `tavus-callbacks doctor ${config.option ?? ""}`.trim())],
  ],
  failed: ({ message, explanation }) => [said(message ?? "Tavus could not store the recording."), said(explanation ?? "")],
  other_bucket: ({ bucket, key }) => [
    ["The recording is in the bucket ", said(bucket ?? "of somebody else"), ", which is not the bucket of this stack."],
    bucket && key && copyButton("Copy its address", `s3://${bucket}/${key}`),
  ],
  other_provider: ({ provider }) => [`The recording is stored with ${PROVIDERS[provider] ?? "another provider"}. Play it there.`],
  other_conversation: (_, { conversation_id: id }) => [
    "The callback names a file of another conversation.", h("a", { href: formatRoute(["conversations", id], { tab: "events" }) }, "See the callback"),
  ],
  unknown: ({ status }) => [["The recording cannot be played. Its status is ", said(status), "."]],
};

function noRecording(missing) {
  if (missing) return ["The recording has not arrived yet.", `It usually arrives within ${spanText(missing.usual_delay)}.`];
  return ["This conversation has no recording.", ["Tavus records a conversation only if your page starts the recording and ", h("code", {}, "enable_recording"), " permits it."]];
}

class PlayerTools {
  constructor(player) {
    this.player = player;
    const button = (words, onclick, rest) => h("button", { type: "button", onclick, ...rest }, words);
    const step = (words, name, seconds) => button(words, () => player.nudge(seconds), { "aria-label": name, title: name });
    this.picker = h("select", { onchange: () => this.pick() });
    this.speed = h("select", { onchange: () => player.setRate(Number(this.speed.value)) }, SPEEDS.map((speed) => h("option", { value: speed }, `${speed}×`)));
    this.picking = h("div", { class: "tools" }, h("label", {}, "Recording ", this.picker));
    this.playing = h("div", { class: "tools" },
      h("label", {}, "Speed ", this.speed), button("Download", () => this.download()), copyButton("Copy video link", () => this.copyVideo()));
    this.value = h("output");
    this.source = h("span", { class: "dim" });
    this.steps = [step("−0.1 s", "Turns and captions 0.1 s earlier", -0.1), step("+0.1 s", "Turns and captions 0.1 s later", 0.1)];
    this.reset = button("Reset", () => player.setOffset(null), { class: "quiet" });
    this.offset = h("div", { class: "tools offset" }, h("span", {}, "Offset ", this.value), this.steps, this.reset, this.source);
    this.captions = h("div");
    this.element = h("div", { class: "controls" }, this.picking, this.playing, this.offset, this.captions);
  }

  update() {
    const { offset, source, isPlayable, hasTimes, rate, recording, conversation: { recordings } } = this.player;
    this.picking.hidden = recordings.length < 2;
    fill(this.picker, recordings.map((each, index) => h("option", { value: each.recording_id, selected: each === recording }, optionText(each, index))));
    this.playing.hidden = !isPlayable;
    this.speed.value = rate;
    this.offset.hidden = !isPlayable || !hasTimes;
    fill(this.value, offset === null ? "unknown" : `${offset < 0 ? "−" : "+"}${Math.abs(offset).toFixed(1)} s`);
    fill(this.source, source);
    for (const button of this.steps) button.hidden = offset === null;
    this.reset.hidden = offset === (recording?.offset ?? null);
  }

  pick() {
    const { player } = this;
    player.choose(player.conversation.recordings.find((each) => each.recording_id === this.picker.value));
    replaceQuery(player.state);
  }

  async download() {
    const { player } = this;
    player.say("Getting the link…");
    try {
      const { url } = await player.fetchLink({ download: true });
      player.say("");
      location.assign(url);
    } catch (error) {
      if (error.name !== "AbortError") player.say(error.message);
    }
  }

  async copyVideo() {
    const { player } = this;
    try {
      const { url, expires_at: expiry } = await player.fetchLink();
      player.say(`Anybody with the link can play it until ${timeText(expiry, { seconds: false })} (${zoneName()}).`);
      return url;
    } catch (error) {
      player.say(error.message);
      throw error;
    }
  }
}

function optionText({ started_at: startedAt, received_at: receivedAt, duration, status }, index) {
  return `${index + 1}: ${timeText(startedAt ?? receivedAt)}${duration ? `, ${spanText(duration)}` : ""}${status === "available" ? "" : `, ${status.replaceAll("_", " ")}`}`;
}
