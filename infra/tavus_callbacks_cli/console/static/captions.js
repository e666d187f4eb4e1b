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
  for (const cue of [...track.cues ?? []]) track.removeCue(cue);
  if (offset === null) return;
  for (const { start, end, text } of subtitles) {
    if (end + offset > 0) track.addCue(new VTTCue(Math.max(0, start + offset), end + offset, text));
  }
}

function parseTime(time) {
  return time.trim().split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
