// The player: a link when it is needed, captions, and one clock for turns and video.

import { config, get, segment } from "/console/api.js";
import { fill, h, safeUrl } from "/console/dom.js";
import { notice } from "/console/parts.js";
import { PlayerTools, playButton, showWaiting, unplayable } from "/console/player_view.js";
import { keep, recall, replaceQuery } from "/console/router.js";
import { clockText } from "/console/time.js";

const RENEW = 5 * 60_000;
const RETRY = 10_000;
const REMEMBER = 1000;
const NUDGE = 0.1;
// As the API limits `offset`.
const MOST_SECONDS = 86_400;
const OFFSET = "tavus-callbacks.offset.";

/**
 * Plays the recordings of a conversation. The time of the video is the start of a turn + `offset`.
 * Dispatches `position` when the position may have changed, `offset` when turns may have moved in the recording, and
 * `conversation` when it has read a newer view.
 * `query` is the address: `recording`, `offset`, and `t`, which counts in that recording, or in the talk without one.
 */
export class Player extends EventTarget {
  constructor({ conversation, query = {}, signal }) {
    super();
    this.signal = signal;
    this.rate = 1;
    this.talkAt = null;
    this.subtitles = null;
    this.conversation = conversation;
    this.path = `/conversations/${segment(conversation.conversation_id)}`;
    this.stage = h("div", { class: "stage" });
    this.status = h("p", { class: "said", role: "status" });
    this.tools = new PlayerTools(this);
    this.element = h("section", { class: "player card", "aria-label": "Recording" }, this.stage, this.tools.element, this.status);
    signal.addEventListener("abort", () => this.drop());
    this.restore(query);
  }

  // What is chosen.

  /** Takes what an address says. A recording that plays already seeks and plays on. */
  restore({ recording, offset, t }) {
    const { recordings } = this.conversation;
    const wanted = recordings.find((each) => each.recording_id === recording);
    const linkOffset = wanted || !recording ? number(offset) : null;
    const next = wanted ?? this.recording ?? latest(recordings);
    if (!this.video || next !== this.recording) this.choose(next, { linkOffset });
    else this.linkOffset = linkOffset;
    this.move();
    if (recording && !wanted) this.say("The link names a recording that this conversation does not have.");
    const at = number(t);
    if (at !== null && at >= 0) this.startFrom(at, { isTalk: !wanted });
  }

  /** Seeks, or notes where play will begin: in seconds of the recording, or of the talk. */
  startFrom(seconds, { isTalk }) {
    if (isTalk && this.offset === null) this.talkAt = seconds;
    else {
      const at = isTalk ? Math.max(0, seconds + this.offset) : seconds;
      if (this.video) this.video.currentTime = at;
      else this.startAt = at;
    }
    if (!this.video) this.renderStage();
    this.dispatchEvent(new Event("position"));
  }

  /** Shows a recording of the conversation, without a link until play is pressed. */
  choose(recording, { linkOffset = null } = {}) {
    this.drop();
    this.choice = new AbortController();
    this.recording = recording;
    this.linkOffset = linkOffset;
    this.startAt = null;
    this.say("");
    this.renderStage();
    this.move();
  }

  /** Takes a newer view of the conversation; what plays goes on. */
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
    if (isOther && this.video) this.loadCaptions();
    return this.move();
  }

  /** Asks for the conversation again: its recording may have arrived. */
  async checkAgain() {
    this.say("Asking…");
    try {
      this.update(await get(this.path, {}, { signal: this.signal }));
      this.dispatchEvent(new Event("conversation"));
      this.say(this.isPlayable ? "" : "Nothing has changed.");
    } catch (error) {
      if (error.name !== "AbortError") this.say(error.message);
    }
  }

  drop() {
    this.choice?.abort();
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

  // Where turns are in the recording.

  /** Seconds in the talk, or null if they are unknown: of what plays, or of what play will begin with. */
  get position() {
    const at = this.video?.currentTime ?? this.startAt;
    return at === null || this.offset === null ? this.talkAt : at - this.offset;
  }

  get duration() {
    return Number.isFinite(this.video?.duration) ? this.video.duration : this.recording?.duration ?? Infinity;
  }

  /** Tells whether a turn, or its end, is in the recording. */
  covers({ start, duration }) {
    if (start === null || this.offset === null) return false;
    const at = start + this.offset;
    return at + (duration ?? 0) >= 0 && at < this.duration;
  }

  /** Plays from the start of a turn, or says why it cannot. */
  playFrom(turn) {
    if (!this.isPlayable) return this.say("There is no recording to play.");
    if (this.offset === null) return this.say("The place of this turn in the recording is unknown. Play the recording, and press “Said now” at the turn that you hear.");
    if (!this.covers(turn)) return this.say("This turn is not in the recording.");
    this.say("");
    return this.play(Math.max(0, turn.start + this.offset));
  }

  nudge(steps) {
    if (!this.isPlayable) return;
    if (this.offset === null) this.say("The offset is unknown. Play the recording, and press “Said now” at the turn that you hear.");
    else this.setOffset(this.offset + steps * NUDGE);
  }

  /** Takes the word of somebody who hears a turn begin now. */
  isSaidNow(turn) {
    if (!this.video) return this.say("Play the recording first.");
    this.setOffset(this.video.currentTime - turn.start);
    return this.say(`This turn begins at ${clockText(this.video.currentTime)} of the recording.`);
  }

  /** Keeps an offset for this recording; null forgets it. */
  setOffset(seconds) {
    const value = seconds === null ? null : String(Math.round(seconds * 1000) / 1000);
    const isKept = keep(OFFSET + this.recording.recording_id, value);
    this.say(isKept ? "" : "This browser stores nothing: the offset lasts until the page is reloaded. A copied link keeps it.");
    this.linkOffset = null;
    this.move();
    this.remember();
  }

  /** Reads the offset again, and moves turns and captions by it. */
  move() {
    const stored = this.recording && number(recall(OFFSET + this.recording.recording_id));
    const places = [
      [stored === this.linkOffset ? null : this.linkOffset, "from the link"],
      [stored, "set by hand"],
      [this.recording?.offset, "from the start time of the recording"],
    ];
    [this.offset, this.source] = places.find(([offset]) => Number.isFinite(offset)) ?? [null, "unknown"];
    this.tools.update();
    if (this.track) showSubtitles(this.track, this.subtitles ?? [], this.offset);
    this.dispatchEvent(new Event("offset"));
    this.dispatchEvent(new Event("position"));
  }

  /** Writes recording, position and offset into the address, at most once a second. */
  remember() {
    this.reminder ??= setTimeout(() => {
      this.reminder = null;
      replaceQuery(this.state);
    }, REMEMBER);
  }

  get state() {
    const at = this.video?.currentTime ?? this.startAt;
    const isByHand = this.source === "set by hand" || this.source === "from the link";
    return {
      recording: this.recording?.recording_id,
      t: at === null ? null : Math.round(at * 10) / 10,
      offset: isByHand ? Math.round(this.offset * 1000) / 1000 : null,
    };
  }

  // Playing.

  /** Plays, from a time of the video if one is given. */
  async play(at = this.startAt) {
    if (!this.isPlayable) return;
    this.startAt = at;
    this.dispatchEvent(new Event("position"));
    try {
      await this.load();
      if (this.startAt !== null) this.video.currentTime = this.startAt;
      this.startAt = null;
      await this.video.play();
    } catch (error) {
      this.fail(error);
    }
  }

  toggle() {
    if (this.video && !this.video.paused) this.video.pause();
    else this.play();
  }

  /** Gets a link if there is none or if less than five minutes of it are left; the video goes on where it was. */
  load({ isForced = false } = {}) {
    if (!isForced && this.link && Date.now() < this.link.renewAt) return undefined;
    this.loading ??= this.replaceLink().finally(() => { this.loading = null; });
    return this.loading;
  }

  async replaceLink() {
    if (!this.video) showWaiting(this.stage);
    const link = await this.fetchLink();
    if (!config.cdn_url || new URL(link.url).origin !== new URL(config.cdn_url).origin) {
      throw Object.assign(new Error("This console may not play from the address of this recording. Download it instead."), { title: "Cannot be played" });
    }
    const left = new Date(link.expires_at).getTime() - RENEW;
    // A clock that is wrong by hours must not ask for a link all the time: then an error asks.
    this.link = { ...link, renewAt: left > Date.now() ? left : Infinity };
    if (!this.video) this.showVideo();
    const { video } = this;
    const at = video.currentTime;
    this.isProven = false;
    video.setAttribute("src", link.url);
    if (at > 0) video.currentTime = at;
    if (this.isWanted) await video.play();
  }

  /** Returns a fresh link: url and expires_at. */
  async fetchLink(query = {}) {
    const signal = AbortSignal.any([this.signal, this.choice.signal]);
    const path = `${this.path}/recordings/${segment(this.recording.recording_id)}`;
    const link = await get(path, { format: "json", ...query }, { signal });
    if (safeUrl(link.url, [config.cdn_url]) === null) throw new Error("The address of the recording is not https.");
    return link;
  }

  showVideo() {
    const video = h("video", { controls: true, preload: "auto", playsinline: true });
    video.defaultPlaybackRate = video.playbackRate = this.rate;
    const listeners = {
      play: () => this.want(true), pause: () => this.want(false),
      seeking: () => this.renew(), timeupdate: () => this.renew(),
      loadeddata: () => { this.isProven = true; }, playing: () => this.tick(), seeked: () => this.moved(),
      durationchange: () => this.dispatchEvent(new Event("offset")),
      ratechange: () => this.setRate(video.playbackRate),
      stalled: () => this.stall(), error: () => this.recover(),
    };
    for (const [name, listener] of Object.entries(listeners)) {
      video.addEventListener(name, () => { if (video === this.video && video.getAttribute("src")) listener(); });
    }
    this.video = video;
    this.track = video.addTextTrack("captions", "Transcript");
    this.track.mode = "showing";
    const hadFocus = this.stage.contains(document.activeElement);
    fill(this.stage, video);
    if (hadFocus) video.focus();
    this.loadCaptions();
  }

  /** Follows the video with each frame; `timeupdate` comes four times a second only. */
  tick() {
    this.moved();
    cancelAnimationFrame(this.frame);
    if (!this.video.paused) this.frame = requestAnimationFrame(() => this.tick());
  }

  moved() {
    this.dispatchEvent(new Event("position"));
    this.remember();
  }

  /** Notes whether somebody wants it to play: an error pauses too. */
  want(isWanted) {
    if (this.video.error) return;
    this.isWanted = isWanted;
    this.moved();
    this.renew();
  }

  setRate(rate) {
    this.rate = rate;
    if (this.video && this.video.playbackRate !== rate) this.video.playbackRate = rate;
    // A new link begins with the default.
    if (this.video) this.video.defaultPlaybackRate = rate;
    this.tools.update();
  }

  async renew() {
    try {
      await this.load();
    } catch (error) {
      this.fail(error);
    }
  }

  /** After three seconds without data. Browsers repeat a refusal of the CDN for minutes and report no error. */
  stall() {
    if (!this.isWanted || this.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) return;
    if (this.isProven && Date.now() - this.recoveredAt >= RETRY) this.recover();
    else this.say("The recording does not load. The network is slow, or the link is refused.");
  }

  /** After an error, which an expired link causes too: a fresh link at the same position, once. */
  async recover() {
    const { error } = this.video;
    const isVain = !this.isProven || Date.now() - this.recoveredAt < RETRY || error?.code === MediaError.MEDIA_ERR_DECODE;
    if (isVain) return this.fail(playbackError(error));
    this.recoveredAt = Date.now();
    try {
      await this.load({ isForced: true });
    } catch (failure) {
      this.fail(failure);
    }
    return undefined;
  }

  fail(error) {
    // An aborted request, or `play()` of a video whose own events and controls tell more.
    if (error instanceof DOMException) return;
    this.startAt = this.video?.currentTime ?? this.startAt;
    this.drop();
    this.choice = new AbortController();
    fill(this.stage, notice(error, { again: () => this.play() }));
    this.dispatchEvent(new Event("position"));
  }

  // Captions by script: a `<track>` would fall under the media-src of the policy, which allows recordings only.
  // The API cuts long turns into subtitles; here they only move by the offset.

  async loadCaptions() {
    if (!this.hasTimes) return;
    this.captionError = null;
    try {
      this.subtitles ??= parseSubtitles(await get(`${this.path}/transcript`, { format: "vtt", offset: 0 }, { signal: this.signal }));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.subtitles = null;
      this.captionError = error;
    }
    this.move();
  }

  // What a person sees.

  say(text) {
    fill(this.status, text);
  }

  renderStage() {
    const hadFocus = this.stage.contains(document.activeElement);
    fill(this.stage, this.isPlayable ? playButton(this) : unplayable(this));
    if (hadFocus) this.stage.querySelector("button")?.focus();
  }

  /** The keys of the player, for the page's help. */
  get keys() {
    return {
      " ": { words: "play or pause", run: () => this.toggle() },
      "[": { words: "turns and captions 0.1 s earlier", run: () => this.nudge(-1) },
      "]": { words: "turns and captions 0.1 s later", run: () => this.nudge(1) },
    };
  }
}

function latest(recordings) {
  return recordings.findLast((each) => each.status === "available") ?? recordings.at(-1) ?? null;
}

function number(text) {
  const value = typeof text === "string" && text.trim() ? Number(text) : NaN;
  return Math.abs(value) <= MOST_SECONDS ? value : null;
}

function playbackError(error) {
  const isBroken = error?.code === MediaError.MEDIA_ERR_DECODE;
  const detail = isBroken ? "The browser cannot decode this recording. Download it and play it elsewhere."
    : "The recording does not load. Its link may be refused, its file may be gone, or the browser may not play its format.";
  return Object.assign(new Error(navigator.onLine ? detail : "The network is down. Try again when it is back."), { title: "Cannot be played" });
}

/** Returns the cues of WebVTT: start and end in seconds, and the text with its markup. */
function parseSubtitles(text) {
  return text.split(/\n{2,}/).flatMap((block) => {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes(" --> "));
    if (at < 0) return [];
    const [start, end] = lines[at].split(" --> ").map(parseTime);
    return [{ start, end, text: lines.slice(at + 1).join("\n") }];
  });
}

/** Replaces the cues of a text track by subtitles that are moved by seconds; without an offset there are none. */
function showSubtitles(track, subtitles, offset) {
  const { mode } = track;
  // A track that somebody switched off does not show its cues to a script either.
  if (mode === "disabled") track.mode = "hidden";
  for (const cue of [...track.cues]) track.removeCue(cue);
  for (const { start, end, text } of offset === null ? [] : subtitles) {
    if (end + offset > 0) track.addCue(new VTTCue(Math.max(0, start + offset), end + offset, text));
  }
  track.mode = mode;
}

function parseTime(time) {
  return time.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
