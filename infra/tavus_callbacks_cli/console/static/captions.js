// Captions by script: a `<track>` would fall under the media-src of the policy, which allows recordings only.

/** Returns the cues of WebVTT: start and end in seconds, and the text with its markup. */
export function parseSubtitles(text) {
  return text.split(/\n{2,}/).flatMap((block) => {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes(" --> "));
    if (at < 0) return [];
    const [start, end] = lines[at].split(" --> ").map(parseTime);
    return [{ start, end, text: lines.slice(at + 1).join("\n") }];
  });
}

/** Replaces the cues of a text track by subtitles that are moved by seconds; without an offset there are none. */
export function showSubtitles(track, subtitles, offset) {
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
