// What a person sees of the player: the place of the video before it plays or when there is none, and the controls.

import { config } from "/console/api.js";
import { fill, h, s, said } from "/console/dom.js";
import { copyButton } from "/console/parts.js";
import { formatRoute, replaceQuery } from "/console/router.js";
import { clockText, spanText, timeText, zoneName } from "/console/time.js";

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const PROVIDERS = { __proto__: null, gcs: "Google Cloud Storage", azure_blob: "Azure Blob Storage", s3: "S3" };

/** Returns the button that asks for the link and plays. */
export function playButton(player) {
  const { recording, startAt } = player;
  const length = recording.duration ? spanText(recording.duration) : "length unknown";
  return [
    h("button", { type: "button", class: "play", onclick: () => player.play() },
      s("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: "M8 5v14l11-7z" })),
      h("span", {}, startAt ? `Play from ${clockText(startAt)}` : "Play the recording")),
    h("p", {}, length),
  ];
}

/** Shows that the link is on its way; the button stays, so that the focus stays. */
export function showWaiting(stage) {
  const words = stage.querySelector(".play span");
  if (words) fill(words, "Getting the link…");
  else fill(stage, h("p", { role: "status" }, "Getting the link…"));
}

/** Returns why there is nothing to play, and a way on. */
export function unplayable(player) {
  const { recording } = player;
  const reason = recording ? REASONS[recording.status] ?? unknownStatus : noRecording;
  const [sentence, ...more] = reason(player);
  return [
    h("p", { class: "why" }, sentence),
    more.map((each) => h("p", {}, each)),
    h("button", { type: "button", onclick: () => player.checkAgain() }, "Check again"),
  ];
}

const REASONS = {
  pending: () => ["The recording is announced. Its file has not arrived yet.", "Check again in a minute."],
  missing: ({ recording }) => [
    "The recording was announced, but its file is not in the bucket.",
    ["Look for ", h("code", {}, said(recording.key ?? "the file")), " in the bucket, and check the role that Tavus assumes: ",
      h("code", {}, `tavus-callbacks doctor ${config.option ?? ""}`.trim())],
  ],
  failed: ({ recording }) => [said(recording.message ?? "Tavus could not store the recording."), said(recording.explanation ?? "")],
  other_bucket: ({ recording }) => [
    ["The recording is in the bucket ", said(recording.bucket ?? "of somebody else"), ", which is not the bucket of this stack."],
    recording.bucket && recording.key && copyButton("Copy its address", `s3://${recording.bucket}/${recording.key}`),
  ],
  other_provider: ({ recording }) => [`The recording is stored with ${PROVIDERS[recording.provider] ?? "another provider"}. Play it there.`],
  other_conversation: ({ conversation }) => [
    "The callback names a file of another conversation.",
    h("a", { href: formatRoute(["conversations", conversation.conversation_id], { tab: "events" }) }, "See the callback"),
  ],
};

function unknownStatus({ recording }) {
  return [["The recording cannot be played. Its status is ", said(recording.status), "."]];
}

function noRecording({ conversation }) {
  const missing = conversation.missing.find(({ what }) => what === "recording");
  if (missing) return ["The recording has not arrived yet.", `It usually arrives within ${spanText(missing.usual_delay)}.`];
  return ["This conversation has no recording.", ["Tavus records a conversation only if your page starts the recording and ", h("code", {}, "enable_recording"), " permits it."]];
}

/** Builds the controls of a player once; `update` changes their texts only, so that the focus stays. */
export class PlayerTools {
  constructor(player) {
    this.player = player;
    this.picker = h("select", { onchange: () => this.pick() });
    this.speed = h("select", { onchange: () => player.setRate(Number(this.speed.value)) },
      SPEEDS.map((speed) => h("option", { value: speed }, `${speed}×`)));
    this.picking = h("div", { class: "tools" }, h("label", {}, "Recording ", this.picker));
    this.playing = h("div", { class: "tools" },
      h("label", {}, "Speed ", this.speed),
      h("button", { type: "button", onclick: () => this.download() }, "Download"),
      copyButton("Copy video link", () => this.copyVideo()));
    this.captions = h("div", { class: "tools" });
    this.element = h("div", { class: "controls" }, this.picking, this.playing, this.buildOffset(), this.captions);
  }

  buildOffset() {
    const { player } = this;
    const step = (label, name, steps, key) => h("button", {
      type: "button", "aria-label": name, title: `${name} (${key})`, onclick: () => player.nudge(steps),
    }, label);
    this.value = h("output", {});
    this.source = h("span", { class: "dim" });
    this.steps = [step("−0.1 s", "Turns and captions 0.1 s earlier", -1, "["), step("+0.1 s", "Turns and captions 0.1 s later", 1, "]")];
    this.reset = h("button", { type: "button", class: "quiet", onclick: () => player.setOffset(null) }, "Reset");
    this.offset = h("div", { class: "tools offset" }, h("span", {}, "Offset ", this.value), this.steps, this.reset, this.source);
    return this.offset;
  }

  /** Shows the state of the player. */
  update() {
    const { player } = this;
    const { recordings } = player.conversation;
    this.picking.hidden = recordings.length < 2;
    fill(this.picker, recordings.map((each, index) =>
      h("option", { value: each.recording_id, selected: each.recording_id === player.recording?.recording_id }, optionText(each, index))));
    this.playing.hidden = !player.isPlayable;
    this.speed.value = String(player.rate);
    this.updateOffset();
    this.captions.hidden = !player.captionError;
    if (player.captionError) {
      fill(this.captions, h("span", { class: "bad-text" }, "No captions: ", said(player.captionError.message)),
        h("button", { type: "button", onclick: () => player.loadCaptions() }, "Load captions again"));
    }
  }

  updateOffset() {
    const { offset, source, isPlayable, hasTimes } = this.player;
    this.offset.hidden = !isPlayable || !hasTimes;
    fill(this.value, offset === null ? "unknown" : offsetText(offset));
    fill(this.source, offset === null
      ? "The API does not know when the recording starts. Play it, and press “Said now” at the turn that you hear."
      : source);
    for (const button of this.steps) button.hidden = offset === null;
    this.reset.hidden = source !== "set by hand" && source !== "from the link";
  }

  pick() {
    const { player } = this;
    player.choose(player.conversation.recordings.find((each) => each.recording_id === this.picker.value));
    replaceQuery(player.state);
  }

  /** Saves the file: the answer to this link is an attachment, so the page stays. */
  async download() {
    const { player } = this;
    player.say("Getting the link…");
    try {
      const link = await player.fetchLink({ download: true });
      player.say("");
      location.assign(link.url);
    } catch (error) {
      if (error.name !== "AbortError") player.say(error.message);
    }
  }

  async copyVideo() {
    const { player } = this;
    try {
      const link = await player.fetchLink();
      player.say(`Anybody with the link can play it until ${timeText(link.expires_at, { seconds: false })} (${zoneName()}).`);
      return link.url;
    } catch (error) {
      player.say(error.message);
      throw error;
    }
  }
}

function optionText({ started_at: startedAt, received_at: receivedAt, duration, status }, index) {
  const length = duration ? `, ${spanText(duration)}` : "";
  return `${index + 1}: ${timeText(startedAt ?? receivedAt)}${length}${status === "available" ? "" : `, ${status.replaceAll("_", " ")}`}`;
}

function offsetText(seconds) {
  return `${seconds < 0 ? "−" : "+"}${Math.abs(seconds).toFixed(1)} s`;
}
