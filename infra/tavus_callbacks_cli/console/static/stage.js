// What is in the place of the video before it plays, or when there is none.

import { config } from "/console/api.js";
import { fill, h, s, said } from "/console/dom.js";
import { copyButton } from "/console/parts.js";
import { formatRoute } from "/console/router.js";
import { clockText, spanText } from "/console/time.js";

const PROVIDERS = { gcs: "Google Cloud Storage", azure_blob: "Azure Blob Storage", s3: "S3" };

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
  const [sentence, ...more] = player.recording ? REASONS[player.recording.status](player) : noRecording(player);
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

function noRecording({ conversation }) {
  const missing = conversation.missing.find(({ what }) => what === "recording");
  if (missing) return ["The recording has not arrived yet.", `It usually arrives within ${spanText(missing.usual_delay)}.`];
  return ["This conversation has no recording.", "Tavus records a conversation only if it was created with recording enabled."];
}
