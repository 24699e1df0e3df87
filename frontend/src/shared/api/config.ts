import { Problem } from './problem'
import type { CreateClientConfig } from './generated/client.gen'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

// The one place that talks to the server: same origin, the session's cookie, Django's CSRF token.
async function ask(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const request = new Request(input, init)
  const headers = new Headers(request.headers)
  headers.set('Accept', 'application/json')
  if (!SAFE.has(request.method)) headers.set('X-CSRFToken', cookie('csrftoken'))
  try {
    return await fetch(new Request(request, { headers, credentials: 'same-origin' }))
  } catch (error) {
    if (request.signal.aborted) throw error
    throw new Problem(0, undefined)
  }
}

function cookie(name: string): string {
  const pairs = document.cookie.split('; ').map((pair) => pair.split('='))
  return decodeURIComponent(pairs.find(([key]) => key === name)?.[1] ?? '')
}

export const createClientConfig: CreateClientConfig = (config) => ({
  ...config,
  baseUrl: window.location.origin,
  fetch: ask,
})
