// Times and spans as text. One switch for the whole page: local time or UTC.

import { keep, recall } from "/console/router.js";

const KEY = "tavus-callbacks.zone";
// Read once: it takes longer than all else about a time.
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone.split("/").pop().replaceAll("_", " ");

/** Returns "UTC", or the city that this browser's zone is named after. */
export function zoneName() {
  return isUtc() ? "UTC" : ZONE;
}

/** Returns whether times are shown in UTC. */
export function isUtc() {
  return recall(KEY) === "utc";
}

/** Switches between local time and UTC, on all pages. */
export function switchZone() {
  keep(KEY, isUtc() ? "local" : "utc");
}

/** Returns a time such as `2026-11-28 10:27:06`; with `date: false` without the day. */
export function timeText(iso, { date = true, seconds = true } = {}) {
  if (!iso) return "–";
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (number) => String(number).padStart(2, "0");
  const [year, month, day, hour, minute, second] = isUtc()
    ? [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getFullYear(), at.getMonth(), at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  const clock = `${two(hour)}:${two(minute)}${seconds ? `:${two(second)}` : ""}`;
  return date ? `${year}-${two(month + 1)}-${two(day)} ${clock}` : clock;
}

/** Returns a span such as `1 h 02 min`, `3 min 20 s` or `4.5 s`. */
export function spanText(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** Returns a position in a recording or talk such as `1:02:03` or `2:03`. */
export function clockText(seconds) {
  const sign = seconds < 0 ? "−" : "";
  const whole = Math.floor(Math.abs(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const rest = String(whole % 60).padStart(2, "0");
  return sign + (hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`);
}

/** Returns how long ago a time is, such as `5 min ago`. */
export function agoText(iso, now = Date.now()) {
  const seconds = Math.max(0, (now - new Date(iso).getTime()) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Returns the time that a filter names: `7d` is seven days ago; anything else stays as it is. */
export function moment(text) {
  const match = /^(\d{1,5})([smhd])$/.exec(text ?? "");
  if (!match) return text;
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[match[2]];
  return new Date(Date.now() - match[1] * seconds * 1000).toISOString();
}
