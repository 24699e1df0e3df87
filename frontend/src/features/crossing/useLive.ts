import { useEffect, useReducer } from 'react'
import { crossingCustomersRetrieve } from '@/shared/api/generated/sdk.gen'
import type { ChangeEvent, ConflictDetail, Crossing } from '@/shared/api/generated/types.gen'
import { asProblem } from '@/shared/api/problem'
import '@/shared/api/client'
import { follow, NOTHING_YET, type Live, type LiveAction } from './live'

/** Milliseconds after which a refused connection is asked for again. */
const PAUSE = 4_000

/** Follows a customer on both sides until the page is left. */
export function useLive(id: string): [Live, (action: LiveAction) => void] {
  const [live, tell] = useReducer(follow, NOTHING_YET)
  useEffect(() => {
    const connection = new Connection(id, tell)
    return () => {
      connection.close()
    }
  }, [id])
  return [live, tell]
}

class Connection {
  private source: EventSource | null = null
  private timer: number | undefined
  private closed = false

  constructor(
    private readonly id: string,
    private readonly tell: (action: LiveAction) => void,
  ) {
    this.open()
  }

  close(): void {
    this.closed = true
    this.source?.close()
    window.clearTimeout(this.timer)
  }

  private open(): void {
    const source = new EventSource(`/api/v1/crossing/customers/${this.id}/events/`)
    this.source = source
    const on = (name: string, action: (content: unknown) => LiveAction) => {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        this.tell(action(JSON.parse(event.data)))
      })
    }
    // The shapes are the API's own (backend/crossing/serializers.py).
    on('snapshot', (content) => ({ type: 'snapshot', customer: content as Crossing }))
    on('change', (content) => ({ type: 'change', change: content as ChangeEvent }))
    on('conflict', (content) => ({ type: 'conflict', conflict: content as ConflictDetail | null }))
    on('problem', (content) => ({ type: 'problem', ...(content as { detail: string }) }))
    source.onerror = () => {
      // Closed means refused: the browser does not ask again, and does not say why.
      if (source.readyState === EventSource.CLOSED) void this.refused()
      else this.tell({ type: 'lost' })
    }
  }

  private async refused(): Promise<void> {
    let detail = 'The live view is not available now. It is asked for again.'
    let gone = false
    try {
      await crossingCustomersRetrieve({ path: { id: this.id }, throwOnError: true })
    } catch (error) {
      const problem = asProblem(error)
      gone = problem.status === 404
      detail = gone ? 'There is no customer at this address. Choose another one.' : problem.message
    }
    if (this.closed) return
    if (gone) {
      this.tell({ type: 'ended', detail })
      return
    }
    this.tell({ type: 'problem', detail })
    this.timer = window.setTimeout(() => {
      this.open()
    }, PAUSE)
  }
}
