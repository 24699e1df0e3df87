/** What the server refused or could not do, in words for people. Knows the error shapes of the API and of allauth. */
export class Problem extends Error {
  readonly status: number
  /** What is wrong with which field of a form. */
  readonly fields: Readonly<Record<string, string>>

  constructor(status: number, body: unknown) {
    const found = read(body)
    super(found.message || TITLES[status] || 'Something went wrong')
    this.name = 'Problem'
    this.status = status
    this.fields = found.fields
  }

  get title(): string {
    return TITLES[this.status] ?? (this.status >= 500 ? 'The server failed' : 'This was not accepted')
  }

  get whatToDo(): string {
    return ADVICE[this.status] ?? (this.status >= 500 ? ADVICE_SERVER : '')
  }

  /** Nobody is logged in (any more). */
  get stranger(): boolean {
    return this.status === 401 || (this.status === 403 && this.message.startsWith('Authentication credentials'))
  }
}

const TITLES: Record<number, string> = {
  0: 'The server cannot be reached',
  403: 'Not allowed',
  404: 'Not found',
  413: 'Too long',
  429: 'Too many attempts',
  503: 'Not available now',
}
const ADVICE_SERVER = 'Try again. If it stays so, the error stands in the log of the web application.'
const ADVICE: Record<number, string> = {
  0: 'Check that the web application runs (make demo) and that you are online, then try again.',
  403: 'Your role does not allow this. Log in as somebody who may, or ask senior management for another role.',
  404: 'It may have been deleted, or the address has a mistake.',
  429: 'Wait a minute, then try again.',
}

interface Found {
  message: string
  fields: Record<string, string>
}

function read(body: unknown): Found {
  if (!isRecord(body)) return { message: '', fields: {} }
  if (Array.isArray(body.errors)) return readAllauth(body.errors)
  if (typeof body.detail === 'string') return { message: body.detail, fields: {} }
  const fields = Object.fromEntries(Object.entries(body).map(([name, value]) => [name, words(value)]))
  return { message: fields.non_field_errors ?? Object.values(fields).join(' '), fields }
}

function readAllauth(errors: unknown[]): Found {
  const fields: Record<string, string> = {}
  const messages = errors.filter(isRecord).map((error) => {
    const message = words(error.message)
    if (typeof error.param === 'string') fields[error.param] = message
    return message
  })
  return { message: messages.join(' '), fields }
}

function words(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(words).join(' ')
  return isRecord(value) ? Object.values(value).map(words).join(' ') : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Whatever was thrown, as a problem. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(500, undefined)
}
