import type { ChangeEvent, ConflictDetail, Crossing } from '@/shared/api/generated/types.gen'
import { observations, type LogEntry, type WriteNote } from './observations'

/** What the page knows of the customer, as the server's events tell it. */
export interface Live {
  /** connecting: nothing was heard yet. live. lost: it was, and is being asked for again. ended: there is none. */
  connection: 'connecting' | 'live' | 'lost' | 'ended'
  /** Why nothing comes, in the server's words. */
  problem: string
  customer: Crossing | null
  log: LogEntry[]
}

export type LiveAction =
  | { type: 'snapshot'; customer: Crossing }
  | { type: 'change'; change: ChangeEvent }
  | { type: 'conflict'; conflict: ConflictDetail | null }
  | { type: 'problem'; detail: string }
  | { type: 'ended'; detail: string }
  | { type: 'lost' }
  | { type: 'write'; note: WriteNote }

export const NOTHING_YET: Live = { connection: 'connecting', problem: '', customer: null, log: [] }
/** Entries that are kept. */
const LONGEST = 400

export function follow(live: Live, action: LiveAction): Live {
  switch (action.type) {
    case 'snapshot': {
      const log: LogEntry[] = live.customer ? [...live.log, { kind: 'gap' }] : live.log
      return { connection: 'live', problem: '', customer: action.customer, log: log.slice(-LONGEST) }
    }
    case 'change': {
      if (!live.customer) return live
      // Of the two sides only the one that changed comes along.
      const { rows, rows_problem, document, document_problem, differing } = action.change
      const { customer: before } = live
      const customer = {
        ...before,
        differing,
        rows: rows ?? before.rows,
        rows_problem: rows_problem ?? before.rows_problem,
        document: document === undefined ? before.document : document,
        document_problem: document_problem ?? before.document_problem,
      }
      return { ...live, customer, log: [...live.log, ...observations(action.change)].slice(-LONGEST) }
    }
    case 'conflict':
      return live.customer ? { ...live, customer: { ...live.customer, conflict: action.conflict } } : live
    case 'problem':
      return { ...live, connection: 'lost', problem: action.detail }
    case 'ended':
      return { ...live, connection: 'ended', problem: action.detail }
    case 'lost':
      return { ...live, connection: live.customer ? 'lost' : 'connecting' }
    case 'write':
      return { ...live, log: [...live.log, action.note].slice(-LONGEST) }
  }
}
