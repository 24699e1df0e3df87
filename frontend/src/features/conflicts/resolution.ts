import type { ConflictDetail } from '@/shared/api/generated/types.gen'
import { repairedFrom } from '@/shared/conflict/outcome'
import { POLICIES } from '@/shared/conflict/words'
import { SIDES } from '@/shared/format/sides'

export function isClosed(conflict: ConflictDetail): boolean {
  return conflict.state === 'settled' || conflict.state === 'converged'
}

/** Who or what closed it, in words. */
export function resolution(conflict: ConflictDetail): string {
  if (!isClosed(conflict)) return 'not closed yet'
  const told = conflict.resolution
  if (typeof told !== 'object' || told === null) return 'its sides had become equal'
  const from = repairedFrom(conflict)
  if (from) return `a repair from ${SIDES[from]}`
  const { by, policy, person, reason } = told as Record<string, unknown>
  if (by === 'person') return `${String(person)}: ${String(reason)}`
  if (typeof policy === 'string') {
    const rule = `the rule: ${POLICIES[policy] ?? policy}`
    return by === 'timeout' ? `${rule}, for nobody had decided in time` : rule
  }
  return JSON.stringify(told)
}
