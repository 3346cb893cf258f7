// FHIR dates as the stretch of time that they cover, and the comparisons that a date search makes with them.
// The same as tryout/periods.py. Times are milliseconds since 1970 in UTC.

const DATE =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/;
const MINUTE = 60_000;
const DAY = 86_400_000;
const BEGINNING = moment(1, 1, 1);
const END = moment(9999, 12, 31) + DAY;

// { low, high }: `low` is in it, `high` is the first moment after it. null when `text` is no FHIR date or dateTime.
export function stretch(text) {
  const match = typeof text === "string" ? DATE.exec(text) : null;
  if (match === null) return null;
  const [year, month, day] = [match[1], match[2] ?? 1, match[3] ?? 1].map(Number);
  const low = moment(year, month, day);
  if (low === null) return null;
  if (match[2] === undefined) return within(low, moment(year + 1, 1, 1));
  if (match[3] === undefined) return within(low, month === 12 ? moment(year + 1, 1, 1) : moment(year, month + 1, 1));
  if (match[4] === undefined) return within(low, low + DAY);
  return withTime(low, match);
}

function withTime(day, match) {
  const [hour, minute, second] = [match[4], match[5], match[6] ?? 0].map(Number);
  const offset = zone(match[8] ?? "Z");
  if (hour > 23 || minute > 59 || second > 59 || offset === null) return null;
  const fraction = Number((match[7] ?? "").slice(0, 6).padEnd(6, "0")) / 1000;
  const low = day + hour * 60 * MINUTE + minute * MINUTE + second * 1000 + fraction - offset;
  if (match[6] === undefined) return within(low, low + MINUTE);
  return within(low, low + (match[7] ? 1 : 1000));
}

function zone(text) {
  if (text === "Z") return 0;
  const [hours, minutes] = [text.slice(1, 3), text.slice(4)].map(Number);
  if (hours > 23 || minutes > 59) return null;
  return (text[0] === "-" ? -1 : 1) * (hours * 60 + minutes) * MINUTE;
}

function within(low, high) {
  return high === null || low < BEGINNING || high >= END ? null : { low, high };
}

// A day that is there, as milliseconds; null for the 30th of February and for years that dates do not have.
function moment(year, month, day) {
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  const there = year >= 1 && year <= 9999 && at.getUTCMonth() === month - 1 && at.getUTCDate() === day;
  return there ? at.getTime() : null;
}

// The time of an element with a choice of type: `effective` reads effectiveDateTime, -Period, -Instant, -Timing.
export function choice(resource, element) {
  for (const suffix of ["", "DateTime", "Instant", "Date"]) {
    const found = stretch(resource[element + suffix]);
    if (found) return found;
  }
  for (const suffix of ["", "Period"]) {
    const period = resource[element + suffix];
    if (isObject(period)) return ofPeriod(period);
  }
  const events = resource[element + "Timing"]?.event;
  const found = Array.isArray(events) ? events.map(stretch).filter(Boolean) : [];
  if (!found.length) return null;
  return { low: Math.min(...found.map((one) => one.low)), high: Math.max(...found.map((one) => one.high)) };
}

function ofPeriod(period) {
  const [start, end] = [stretch(period.start), stretch(period.end)];
  return start || end ? { low: start ? start.low : BEGINNING, high: end ? end.high : END } : null;
}

// Whether `target` satisfies `prefix` (eq, ge, gt, le, lt) with the searched value, as FHIR R4 search has it.
export function matches(prefix, wanted, target) {
  const inside = wanted.low <= target.low && target.high <= wanted.high;
  if (prefix === "eq") return inside;
  if (prefix === "gt") return target.high > wanted.high;
  if (prefix === "lt") return target.low < wanted.low;
  return inside || (prefix === "ge" ? target.high > wanted.high : target.low < wanted.low);
}

export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
