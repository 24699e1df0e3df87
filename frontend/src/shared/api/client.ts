import { client } from './generated/client.gen'
import { Problem } from './problem'

// Whatever an address answers with, callers are thrown a Problem.
client.interceptors.error.use((body, response: Response | undefined) =>
  body instanceof Problem || body instanceof DOMException ? body : new Problem(response?.status ?? 0, body),
)

export { client }
