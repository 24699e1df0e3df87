const STAMP = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

/** A moment of the server, in the reader's zone. */
export function shownMoment(iso: string): string {
  return STAMP.format(new Date(iso))
}

/** Microseconds since the epoch, down to the millisecond. */
export function shownMicroseconds(time: number): string {
  const date = new Date(time / 1000)
  const milliseconds = String(date.getMilliseconds()).padStart(3, '0')
  return `${date.toLocaleTimeString(undefined, { hour12: false })}.${milliseconds}`
}

const STEPS: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
]

/** A length of time in its two largest units. */
export function shownSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const [size, unit] = STEPS.find(([step]) => seconds >= step) ?? [1, 's']
  const whole = Math.floor(seconds / size)
  const below = STEPS[STEPS.findIndex(([step]) => step === size) + 1]
  const rest = below ? Math.floor((seconds % size) / below[0]) : 0
  return rest && below ? `${whole} ${unit} ${rest} ${below[1]}` : `${whole} ${unit}`
}

/** Seconds that have passed since a moment of the server. */
export function secondsSince(iso: string, now = Date.now()): number {
  return Math.max(0, (now - new Date(iso).getTime()) / 1000)
}

/** How long a change took to cross. */
export function shownCrossing(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.max(1, Math.round(milliseconds))} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
